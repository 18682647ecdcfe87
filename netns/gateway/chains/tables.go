package chains

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-iptables/iptables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// lockSeconds bounds the wait for the lock of iptables. The nft backend takes
// none, but another tool's iptables may be of the other kind.
const lockSeconds = 5

// restorer ends the name of the program that carries out many commands at once.
const restorer = "-restore"

// Tables are the iptables of one namespace. They are safe for use by many
// goroutines.
type Tables struct {
	namespace *netns.Namespace
	commands  map[Family]*iptables.IPTables
	paths     map[Family]string // of the programs
	legacy    bool              // the rules are not nftables'

	mutex    sync.Mutex
	chains   []placed
	heads    []*head
	verified uint32 // the kernel's generation of the rules at which all was well
}

// Open finds the iptables programs. The nft backend is preferred where both are
// installed and the kernel has it: it takes no lock that other namespaces share.
func Open(namespace *netns.Namespace) (*Tables, error) {
	var problems []error
	for _, suffix := range []string{"-nft", "", "-legacy"} {
		t := &Tables{namespace: namespace, commands: map[Family]*iptables.IPTables{}, paths: map[Family]string{}}
		err := t.find(suffix)
		if err == nil {
			return t, nil
		}
		if !unfit(err) {
			return nil, fmt.Errorf("looking for iptables: %w", explained(err))
		}
		problems = append(problems, err)
	}
	return nil, fmt.Errorf("no iptables works here; install it, as with 'apt-get install iptables': %w", errors.Join(problems...))
}

// unfit reports whether an error says that a backend is not installed, or that
// this kernel does not have it. Another one must not be taken for any other
// reason: rules in both would be mixed up.
func unfit(err error) bool {
	if errors.Is(err, exec.ErrNotFound) {
		return true
	}
	failure, ran := errors.AsType[*iptables.Error](err)
	return ran && !locked(failure.ExitStatus(), failure.Error())
}

// find takes the programs of one backend, if they work here.
func (t *Tables) find(suffix string) error {
	programs := map[Family]string{IPv4: "iptables", IPv6: "ip6tables"}
	protocols := map[Family]iptables.Protocol{IPv4: iptables.ProtocolIPv4, IPv6: iptables.ProtocolIPv6}
	for _, family := range Families() {
		path, err := exec.LookPath(programs[family] + suffix)
		if err != nil {
			return err
		}
		if _, err := exec.LookPath(path + restorer); err != nil {
			return err
		}
		command, err := iptables.New(iptables.IPFamily(protocols[family]), iptables.Timeout(lockSeconds), iptables.Path(path))
		if err != nil {
			return err
		}
		t.commands[family], t.paths[family] = command, path
		if t.legacy, err = isLegacy(path, suffix); err != nil {
			return err
		}
		if !t.legacy {
			if _, err := exec.LookPath(path + saver); err != nil {
				return err
			}
		}
		if err := writes(command, path); err != nil {
			return err
		}
		if _, err := t.List(family, "filter", "FORWARD"); err != nil {
			return err
		}
	}
	return nil
}

// writes returns an error unless this kernel lets a program make a chain. That it lists one proves
// nothing: a kernel may have nf_tables without IPv4, as Debian's user-mode-linux 6.1 has, and iptables-nft
// lists the kernel's own chains there. It is tried in a namespace made for that, so that no rule of the
// machine is changed, and once for each program: the kernel stays the same.
func writes(command *iptables.IPTables, path string) error {
	if _, known := writing.Load(path); known {
		return nil
	}
	scratch, err := netns.New()
	if err != nil {
		return err
	}
	tried := scratch.Do(func() error { return command.NewChain("filter", Marker) })
	if err := errors.Join(tried, scratch.Close()); err != nil {
		return err
	}
	writing.Store(path, true)
	return nil
}

// writing are the paths of the programs of which [writes] knows that they do.
var writing sync.Map

// isLegacy reports which backend a program writes to. One without a suffix is asked.
func isLegacy(path, suffix string) (bool, error) {
	if suffix != "" {
		return suffix == "-legacy", nil
	}
	version, err := exec.Command(path, "--version").Output()
	if err != nil {
		return false, fmt.Errorf("asking %s for its version: %w", path, err)
	}
	return !bytes.Contains(version, []byte("nf_tables")), nil
}

// Install writes chains that do not exist yet, see [script].
func (t *Tables) Install(family Family, chains []Chain) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.namespace.Do(func() error {
		if err := t.restore(family, script(chains)); err != nil {
			return fmt.Errorf("writing %s chains: %w", family, err)
		}
		return t.remember(family, chains)
	})
}

// Remove takes installed chains away: first the jumps to them, then the chains
// with their rules, whatever these have become. Only if some of them are gone does it try
// one after another.
func (t *Tables) Remove(family Family, chains []Chain) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.namespace.Do(func() error {
		if t.restore(family, undoing(chains)) == nil {
			t.forget(family, chains)
			return nil
		}
		steps := []func(*iptables.IPTables, Chain) error{unhookOne, destroy}
		for _, step := range steps {
			for _, chain := range chains {
				if err := step(t.commands[family], chain); err != nil {
					return fmt.Errorf("%s chain %s in %s: %w", family, chain.Name, chain.Table, explained(err))
				}
			}
		}
		t.forget(family, chains)
		return nil
	})
}

func unhookOne(command *iptables.IPTables, chain Chain) error {
	for _, hook := range chain.Hooks {
		if err := command.DeleteIfExists(chain.Table, hook.From, marked(hook.jump(chain))...); err != nil {
			return err
		}
	}
	return nil
}

func destroy(command *iptables.IPTables, chain Chain) error {
	return command.ClearAndDeleteChain(chain.Table, chain.Name)
}

// jump is the rule of a hook.
func (h Hook) jump(to Chain) Rule { return append(slices.Clone(h.Match), "-j", to.Name) }

// marked puts the comment in.
func marked(rule Rule) Rule {
	return append(Rule{"-m", "comment", "--comment", Marker}, rule...)
}

// in is a rule as it is written into a chain: marked in one of the kernel's own. A
// chain of ours is known by its name, and the kernel would evaluate the comment for
// each packet.
func (r Rule) in(chain string) Rule {
	if own(chain) {
		return r
	}
	return marked(r)
}

// Append adds a rule to a chain.
func (t *Tables) Append(family Family, table, chain string, rule Rule) error {
	return t.change(family, rule, func(command *iptables.IPTables) error {
		return command.Append(table, chain, rule.in(chain)...)
	})
}

// Insert puts a rule first in an installed chain, which [Tables.Check] expects
// there from now on.
func (t *Tables) Insert(family Family, table, chain string, rule Rule) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.change(family, rule, func(command *iptables.IPTables) error {
		if err := command.Insert(table, chain, 1, rule.in(chain)...); err != nil {
			return err
		}
		return t.refresh(family, table, chain)
	})
}

// Delete removes a rule from a chain. It is not an error if the rule is not there.
func (t *Tables) Delete(family Family, table, chain string, rule Rule) error {
	return t.change(family, rule, func(command *iptables.IPTables) error {
		err := command.Delete(table, chain, rule.in(chain)...)
		if gone(err) {
			return nil
		}
		return err
	})
}

// gone reports whether an error says that what was to be removed is not there.
func gone(err error) bool {
	failure, ok := errors.AsType[*iptables.Error](err)
	return ok && failure.IsNotExist()
}

// missing reports whether an error says that there is no such table or chain.
func missing(err error) bool {
	failure, ok := errors.AsType[*iptables.Error](err)
	return ok && saysMissing(failure.Error())
}

// absences are how iptables says that there is no such chain, or no such table.
// Its exit status 1 also stands for a lack of memory, for example.
var absences = []string{"No chain/target/match by that name", "Table does not exist", "' does not exist"}

// saysMissing reports whether iptables said so.
func saysMissing(said string) bool {
	return slices.ContainsFunc(absences, func(absence string) bool { return strings.Contains(said, absence) })
}

// unreadable reports whether an error says that iptables cannot show a chain. Its
// nft backend says the same of one that does not exist (1.8.9).
func unreadable(err error) bool {
	failure, ok := errors.AsType[*iptables.Error](err)
	return ok && saysUnreadable(failure.Error())
}

// saysUnreadable reports whether iptables said so.
func saysUnreadable(said string) bool {
	return strings.Contains(said, "is incompatible, use 'nft' tool")
}

// whyUnreadable asks the kernel whether such a chain exists; nil if not. It runs
// inside the namespace.
func whyUnreadable(failure error, command *iptables.IPTables, table, chain string) error {
	connection, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("asking for nftables: %w", err)
	}
	defer connection.Close()
	family := IPv4
	if command.Proto() == iptables.ProtocolIPv6 {
		family = IPv6
	}
	found, err := askChain(connection, unix.NFT_MSG_GETCHAIN, family, table, chain)
	if err != nil {
		return fmt.Errorf("listing the chains of nftables: %w", err)
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%s has rules that iptables cannot show, since another program wrote them with nft: move those into a table of their own ('nft list chain %s %s %s' shows them): %w",
		chainName(family, table, chain), map[Family]string{IPv4: "ip", IPv6: "ip6"}[family], table, chain, failure)
}

func (t *Tables) change(family Family, rule Rule, act func(*iptables.IPTables) error) error {
	err := t.namespace.Do(func() error { return act(t.commands[family]) })
	if err != nil {
		return fmt.Errorf("%s rule %q: %w", family, rule, explained(err))
	}
	return nil
}

// List is a chain's rules as iptables -S writes them. A chain that is gone has
// none.
func (t *Tables) List(family Family, table, chain string) (lines []string, err error) {
	err = t.namespace.Do(func() error {
		lines, err = list(t.commands[family], table, chain)
		return err
	})
	return lines, err
}

func list(command *iptables.IPTables, table, chain string) ([]string, error) {
	lines, err := command.List(table, chain)
	if missing(err) {
		return nil, nil
	}
	if unreadable(err) {
		return nil, whyUnreadable(err, command, table, chain)
	}
	if err != nil {
		return nil, fmt.Errorf("listing chain %s in %s: %w", chain, table, explained(err))
	}
	// The first line names the chain, and its policy where it has one.
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "-A ") }), nil
}
