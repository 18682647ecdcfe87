package chains

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-iptables/iptables"

	"github.com/needwant/needwant/netns"
)

// prefix is what every chain of ours is called, alone or before a hyphen.
const prefix = OwnPrefix

// tables are those that our chains may be in, with the kernel's own chains of
// each that they may be jumped to from.
var tables = []struct {
	name  string
	heads []string
}{
	{"filter", []string{"INPUT", "FORWARD", "OUTPUT"}},
	{"mangle", []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
	{"nat", []string{"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
}

// RemoveAll takes out of a namespace's iptables the jumps that bear our marker, and
// our chains, no matter who wrote them; and then those tables, and chains of the
// kernel's own, that were not among the ones of before, see [Present], and that
// nobody else has put anything in. It
// tells in words what it did, or with dry would do.
func RemoveAll(namespace *netns.Namespace, before []string, dry bool) (changes []string, err error) {
	t, err := Open(namespace)
	if err != nil {
		return nil, err
	}
	r := &removal{tables: t, dry: dry}
	for _, family := range Families() {
		if err := namespace.Do(func() error { return r.family(family) }); err != nil {
			return r.changes, err
		}
	}
	if t.legacy {
		return r.changes, nil
	}
	emptied, err := dropLeftovers(namespace, before, dry)
	return append(r.changes, emptied...), err
}

// removal is the work of RemoveAll.
type removal struct {
	tables  *Tables
	dry     bool
	changes []string
}

// family removes what is ours of one family: the jumps first, so that no packet
// meets what is half gone.
func (r *removal) family(family Family) error {
	command := r.tables.commands[family]
	for _, table := range tables {
		own, err := ownChains(command, table.name)
		if err != nil {
			return fmt.Errorf("%s table %s: %w", family, table.name, err)
		}
		if len(own) == 0 {
			continue // and no jump: those go before the chains
		}
		for _, head := range table.heads {
			if err := r.jumps(command, table.name, head); err != nil {
				return fmt.Errorf("%s %s in %s: %w", family, head, table.name, err)
			}
		}
		r.changes = append(r.changes, fmt.Sprintf("remove the %s chains %s from %s", family, strings.Join(own, ", "), table.name))
		if r.dry {
			continue
		}
		for _, act := range []func(table, chain string) error{command.ClearChain, command.DeleteChain} {
			for _, chain := range own {
				if err := act(table.name, chain); err != nil && !gone(err) {
					return fmt.Errorf("%s chain %s in %s: %w", family, chain, table.name, err)
				}
			}
		}
	}
	return nil
}

// ownChains are those of a table. A table that the kernel does not have has
// none.
func ownChains(command *iptables.IPTables, table string) ([]string, error) {
	all, err := command.ListChains(table)
	if err != nil {
		if missing(err) {
			return nil, nil
		}
		return nil, explained(err)
	}
	return slices.DeleteFunc(all, func(chain string) bool { return !own(chain) }), nil
}

// own reports whether a chain is ours, by its name.
func own(chain string) bool { return chain == prefix || strings.HasPrefix(chain, prefix+"-") }

// jumps removes what bears our marker from a chain of the kernel.
func (r *removal) jumps(command *iptables.IPTables, table, head string) error {
	lines, err := list(command, table, head)
	if err != nil {
		return err
	}
	for _, line := range lines {
		rule := strings.Fields(line)[2:] // behind -A and the chain's name
		if !bearsMarker(rule) {
			continue
		}
		r.changes = append(r.changes, fmt.Sprintf("remove from %s in %s: %s", head, table, strings.Join(rule, " ")))
		if r.dry {
			continue
		}
		if err := command.Delete(table, head, rule...); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

func bearsMarker(rule []string) bool {
	at := slices.Index(rule, "--comment")
	return at >= 0 && at+1 < len(rule) && rule[at+1] == Marker
}
