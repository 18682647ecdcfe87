package main_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// possession is one thing that a gateway owns.
type possession struct {
	kind   string // a row of the table in docs/promises.md
	name   string
	breaks []breakage // the ways in which it can be broken
}

func (p possession) key() string { return p.kind + " " + p.name }

// breakage is one way in which a thing can be broken.
type breakage struct {
	how     string
	do      func(ctx context.Context) error
	undo    func(ctx context.Context) error // nil if it stays broken
	foreign bool                            // it leaves something behind that the program does not own, so it is always undone
}

// territory is a namespace in which a gateway has possessions.
type territory struct {
	name string
	*netns.Namespace
	before map[string]bool   // what was there without the gateway
	kernel map[string]string // the kernel's parameters without it
}

// survey lists everything that there is in a territory beyond what was there
// before, sorted. pid is the program's.
func (t *territory) survey(ctx context.Context, pid int) (found []possession, err error) {
	for _, list := range []func(context.Context, int) ([]possession, error){
		t.rules, t.sets, t.parameters, t.links, t.addresses, t.routes, t.routingRules, t.neighbours, t.sockets,
	} {
		some, err := list(ctx, pid)
		if err != nil {
			return nil, fmt.Errorf("the survey of %s: %w", t.name, err)
		}
		found = append(found, some...)
	}
	found = slices.DeleteFunc(found, func(p possession) bool { return t.before[p.key()] })
	slices.SortFunc(found, func(a, b possession) int { return strings.Compare(a.key(), b.key()) })
	return found, nil
}

// note makes what is there now the state without a gateway.
func (t *territory) note(ctx context.Context) error {
	t.before, t.kernel = nil, nil
	found, err := t.survey(ctx, 0)
	if err != nil {
		return err
	}
	t.before = map[string]bool{}
	for _, p := range found {
		t.before[p.key()] = true
	}
	t.kernel, err = t.readParameters()
	return err
}

// noteEmpty takes a namespace that the kernel has just made for the state without
// a gateway.
func (t *territory) noteEmpty(ctx context.Context) error {
	command := exec.CommandContext(ctx, "unshare", "--net", "cat")
	input, err := command.StdinPipe()
	if err != nil {
		return err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	defer func() { _ = input.Close(); _ = command.Wait() }()
	if _, err := input.Write([]byte("x")); err != nil {
		return err
	}
	if _, err := output.Read(make([]byte, 1)); err != nil { // it is there now
		return err
	}
	opened, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", command.Process.Pid))
	if err != nil {
		return err
	}
	namespace, err := netns.Adopt(opened)
	if err != nil {
		return err
	}
	defer func() { _ = namespace.Close() }()
	empty := territory{name: "an empty namespace", Namespace: namespace}
	if err := empty.note(ctx); err != nil {
		return err
	}
	t.before, t.kernel = empty.before, empty.kernel
	return nil
}

// programs of the two families.
func families() map[string]string {
	return map[string]string{"IPv4": "iptables-nft", "IPv6": "ip6tables-nft"}
}

// rules lists tables, chains and rules.
func (t *territory) rules(ctx context.Context, _ int) (found []possession, err error) {
	for family, program := range families() {
		text, err := t.Command(ctx, program+"-save").Output()
		if err != nil {
			return nil, fmt.Errorf("%s-save: %w", program, err)
		}
		table, position := "", map[string]int{}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "*"):
				table, position = line[1:], map[string]int{}
				found = append(found, t.table(family, program, table))
			case strings.HasPrefix(line, ":"):
				fields := strings.Fields(line[1:])
				if fields[1] == "-" {
					found = append(found, t.chain(family, program, table, fields[0]))
				}
			case strings.HasPrefix(line, "-A "):
				chain := strings.Fields(line)[1]
				position[chain]++
				found = append(found, t.rule(family, program, table, chain, position[chain], strings.TrimPrefix(line, "-A "+chain+" ")))
			}
		}
	}
	return found, nil
}

// change hands one line to iptables-restore, which leaves everything else alone.
func (t *territory) change(ctx context.Context, program, table string, lines ...string) error {
	command := t.Command(ctx, program+"-restore", "--noflush")
	command.Stdin = strings.NewReader("*" + table + "\n" + strings.Join(lines, "\n") + "\nCOMMIT\n")
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

func (t *territory) shell(ctx context.Context, script string) error {
	if text, err := t.Command(ctx, "sh", "-ec", script).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

func (t *territory) table(family, program, table string) possession {
	save := ""
	return possession{"table", fmt.Sprintf("%s %s of %s", family, table, t.name), []breakage{
		{how: "flushed", do: func(ctx context.Context) (err error) {
			text, err := t.Command(ctx, program+"-save", "-t", table).Output()
			save = string(text)
			return errors.Join(err, t.shell(ctx, program+" -t "+table+" -F"))
		}, undo: func(ctx context.Context) error {
			command := t.Command(ctx, program+"-restore")
			command.Stdin = strings.NewReader(save)
			return command.Run()
		}},
		{how: "removed", do: func(ctx context.Context) error {
			return t.shell(ctx, program+" -t "+table+" -F; "+program+" -t "+table+" -X")
		}},
	}}
}

func (t *territory) chain(family, program, table, chain string) possession {
	return possession{"chain", fmt.Sprintf("%s %s in %s of %s", family, chain, table, t.name), []breakage{
		{how: "flushed", do: func(ctx context.Context) error { return t.change(ctx, program, table, "-F "+chain) }},
		{how: "made to accept", do: func(ctx context.Context) error { return t.change(ctx, program, table, "-I "+chain+" 1 -j ACCEPT") },
			undo: func(ctx context.Context) error { return t.change(ctx, program, table, "-D "+chain+" -j ACCEPT") }},
		{how: "removed", do: func(ctx context.Context) error {
			text, err := t.Command(ctx, program+"-save", "-t", table).Output()
			if err != nil {
				return err
			}
			var lines []string
			for line := range strings.Lines(string(text)) {
				fields := strings.Fields(line)
				if len(fields) > 2 && fields[0] == "-A" && slices.Contains(fields[2:], chain) {
					lines = append(lines, strings.Replace(strings.TrimSpace(line), "-A", "-D", 1))
				}
			}
			return t.change(ctx, program, table, append(lines, "-F "+chain, "-X "+chain)...)
		}},
	}}
}

// interfaceRemoved is how an interface goes that nobody can give back.
const interfaceRemoved = "removed for good"

// kernelChains are those that the kernel makes, in every table.
var kernelChains = []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

func (t *territory) rule(family, program, table, chain string, position int, rule string) possession {
	put := func(ctx context.Context) error {
		return t.change(ctx, program, table, fmt.Sprintf("-I %s %d %s", chain, position, rule))
	}
	remove := func(ctx context.Context) error { return t.change(ctx, program, table, "-D "+chain+" "+rule) }
	p := possession{"rule", fmt.Sprintf("%s %s in %s of %s: %s", family, chain, table, t.name, rule), []breakage{
		{how: "removed", do: remove, undo: put},
	}}
	if strings.Contains(rule, "-j NFLOG") {
		p.kind = "NFLOG rule"
	}
	if slices.Contains(kernelChains, chain) {
		p.kind = "jump"
		p.breaks = append(p.breaks, breakage{how: "preceded by another program's rule", foreign: true,
			do:   func(ctx context.Context) error { return t.change(ctx, program, table, "-I "+chain+" 1 -j ACCEPT") },
			undo: func(ctx context.Context) error { return t.change(ctx, program, table, "-D "+chain+" -j ACCEPT") }})
	}
	return p
}

// sets lists the ipsets and what they hold.
func (t *territory) sets(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	all, err := handle.IpsetListAll()
	if err != nil {
		return nil, err
	}
	for _, set := range all {
		name := set.SetName
		found = append(found, possession{"set", fmt.Sprintf("%s of %s", name, t.name), []breakage{
			{how: "emptied", do: func(context.Context) error { return handle.IpsetFlush(name) }},
			{how: "removed", do: func(context.Context) error { return handle.IpsetDestroy(name) }},
		}})
		for _, entry := range set.Entries {
			port := ""
			if entry.Port != nil {
				port = fmt.Sprint(" ", *entry.Port)
			}
			entry.Timeout = nil
			found = append(found, possession{"set entry", fmt.Sprintf("%s%s in %s of %s", entry.IP, port, name, t.name), []breakage{
				{how: "removed", do: func(context.Context) error { return handle.IpsetDel(name, &entry) },
					undo: func(context.Context) error { return handle.IpsetAdd(name, &entry) }},
			}})
		}
	}
	return found, nil
}

// readParameters reads what can be set below /proc/sys/net, by its path.
func (t *territory) readParameters() (values map[string]string, err error) {
	values = map[string]string{}
	const top = "/proc/sys/net"
	err = t.Do(func() error {
		return filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil //nolint:nilerr // a link may be gone meanwhile
			}
			info, err := entry.Info()
			if err != nil || info.Mode()&0o200 == 0 || info.Mode()&0o400 == 0 {
				return nil //nolint:nilerr // the same
			}
			if value, err := os.ReadFile(path); err == nil {
				values[path] = strings.TrimSpace(string(value))
			}
			return nil
		})
	})
	return values, err
}

// parameters lists the kernel parameters that differ from what they were. Those of
// a link that is new are compared with the usual ones.
func (t *territory) parameters(context.Context, int) (found []possession, err error) {
	if t.kernel == nil {
		return nil, nil
	}
	now, err := t.readParameters()
	if err != nil {
		return nil, err
	}
	for path, value := range now {
		usual, known := t.kernel[path]
		if parts := strings.Split(path, "/"); !known && len(parts) > 6 {
			parts[len(parts)-2] = "default"
			usual, known = t.kernel[strings.Join(parts, "/")]
		}
		if !known || usual == value || filepath.Base(path) == "mtu" { // which is the link's own
			continue
		}
		set := func(value string) func(context.Context) error {
			return func(context.Context) error { return t.Sysctl(strings.TrimPrefix(path, "/proc/sys/"), value) }
		}
		found = append(found, possession{"kernel parameter", fmt.Sprintf("%s=%s of %s", strings.TrimPrefix(path, "/proc/sys/"), value, t.name), []breakage{
			{how: "set back to " + usual, do: set(usual), undo: set(value)},
		}})
	}
	return found, nil
}

// links lists the interfaces that are up.
func (t *territory) links(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	all, err := handle.LinkList()
	if err != nil {
		return nil, err
	}
	for _, link := range all {
		if link.Attrs().Flags&net.FlagUp == 0 {
			continue
		}
		p := possession{"interface", fmt.Sprintf("%s of %s", link.Attrs().Name, t.name), []breakage{
			{how: "down", do: t.downWith(link), undo: t.upWith(link)},
		}}
		if link.Type() != "device" && link.Attrs().Name != "lo" {
			p.breaks = append(p.breaks, breakage{how: interfaceRemoved, do: func(context.Context) error { return handle.LinkDel(link) }})
		}
		found = append(found, p)
	}
	return found, nil
}

// lost is what a link loses when it goes down: its IPv6 addresses and its routes.
type lost struct {
	addresses []netlink.Addr
	routes    []netlink.Route
}

func (t *territory) on(link netlink.Link) (l lost, err error) {
	handle := t.Netlink()
	if l.addresses, err = handle.AddrList(link, netlink.FAMILY_ALL); err != nil {
		return l, err
	}
	l.routes, err = handle.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{LinkIndex: link.Attrs().Index, Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
	return l, err
}

// downWith sets a link down, and upWith up again, with everything that it had.
func (t *territory) downWith(link netlink.Link) func(context.Context) error {
	return func(context.Context) error {
		had, err := t.on(link)
		if err != nil {
			return err
		}
		lostBy[link] = had
		return t.Netlink().LinkSetDown(link)
	}
}

func (t *territory) upWith(link netlink.Link) func(context.Context) error {
	return func(context.Context) error {
		handle, had := t.Netlink(), lostBy[link]
		if err := handle.LinkSetUp(link); err != nil {
			return err
		}
		for _, address := range had.addresses {
			_ = handle.AddrReplace(link, &address)
		}
		for range 2 { // a route may need another
			for _, route := range had.routes {
				_ = handle.RouteReplace(&route)
			}
		}
		return nil
	}
}

// lostBy keeps what links had that are down. One spec at a time runs in a process.
var lostBy = map[netlink.Link]lost{}

func (t *territory) addresses(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	all, err := handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	for _, address := range all {
		link, err := handle.LinkByIndex(address.LinkIndex)
		if err != nil {
			continue // it has just gone
		}
		found = append(found, possession{"address", fmt.Sprintf("%s on %s of %s", address.IPNet, link.Attrs().Name, t.name), []breakage{
			{how: "removed", do: func(context.Context) error { return handle.AddrDel(link, &address) },
				undo: func(context.Context) error { return handle.AddrReplace(link, &address) }},
		}})
	}
	return found, nil
}
