package block

import (
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// rules is the driver that writes two rules for each entry.
type rules struct {
	tables  *chains.Tables
	layout  chains.Layout
	fault   harness.Fault
	held    []Entry
	written map[chains.Family][]Entry // what the kernel has accepted, under this fault
	unsure  map[chains.Family]bool    // the last Replace failed: the kernel may hold what was there before
}

// mostRules limits the entries, since each packet passes every rule. A server could
// answer with new addresses for as long as it is asked.
const mostRules = 4096

func openRules(tables *chains.Tables, layout chains.Layout) (*rules, error) {
	r := &rules{tables: tables, layout: layout, fault: harness.Reject, written: map[chains.Family][]Entry{}, unsure: map[chains.Family]bool{}}
	return r, install(tables, layout, func(chains.Family) []chains.Rule { return nil })
}

// rulesOf block an entry: what the device sends there, and what comes back.
func (r *rules) rulesOf(entry Entry) []chains.Rule {
	there, back := entry.Matches()
	return []chains.Rule{
		append(chains.Rulef("-i %s", r.layout.Inside), append(there, "-j", Target(r.fault))...),
		append(chains.Rulef("-i %s", r.layout.Uplink), append(back, "-j", drop)...),
	}
}

func (r *rules) allRules(entries []Entry) (all []chains.Rule) {
	for _, entry := range entries {
		all = append(all, r.rulesOf(entry)...)
	}
	return all
}

// Matches are what iptables matches an entry by: what the device sends there, and
// what comes back.
func (e Entry) Matches() (there, back chains.Rule) {
	there, back = chains.Rulef("-d %s", e.Address), chains.Rulef("-s %s", e.Address)
	switch {
	case e.Protocol == harness.ICMP:
		echo := chains.EchoOf(chains.FamilyOf(e.Address))
		return append(there, echo.Request()...), append(back, echo.Reply()...)
	case e.EveryPort():
		return append(there, "-p", e.Protocol), append(back, "-p", e.Protocol)
	}
	return append(there, chains.Rulef("-p %s --dport %d", e.Protocol, e.Port)...), append(back, chains.Rulef("-p %s --sport %d", e.Protocol, e.Port)...)
}

// Replace writes the rules of a family all at once. A family whose rules stay is left alone.
// If there are too many, nothing changes.
func (r *rules) Replace(entries []Entry, fault harness.Fault) error {
	if err := supported(fault); err != nil {
		return err
	}
	held, err := with(nil, entries)
	if err != nil {
		return err
	}
	next := map[chains.Family][]Entry{}
	for _, family := range chains.Families() {
		next[family] = missing(entries, family, nil)
		same := slices.Equal(next[family], r.written[family]) && (fault == r.fault || len(next[family]) == 0)
		if r.unsure[family] = r.unsure[family] || !same; r.unsure[family] {
			r.written[family] = nil
		}
	}
	r.fault, r.held = fault, held
	for _, family := range chains.Families() {
		if !r.unsure[family] {
			continue
		}
		if err := r.tables.Rewrite(family, "filter", RuleList, r.allRules(next[family])); err != nil {
			return fmt.Errorf("blocking %d addresses: %w", len(next[family]), err)
		}
		r.written[family], r.unsure[family] = next[family], false
	}
	return nil
}

// Add writes the rules that are missing, including those that the kernel rejected
// before.
func (r *rules) Add(entries []Entry) error {
	held, err := with(r.held, entries)
	if err != nil {
		return err
	}
	r.held = held
	for _, family := range chains.Families() {
		more := missing(entries, family, r.written[family])
		if len(more) == 0 {
			continue
		}
		if err := r.tables.Extend(family, "filter", RuleList, r.allRules(more)); err != nil {
			return fmt.Errorf("blocking %d addresses: %w", len(more), err)
		}
		r.written[family] = append(r.written[family], more...)
	}
	return nil
}

// with is a list with more entries, each once.
func with(held, entries []Entry) ([]Entry, error) {
	held = slices.Clone(held)
	for _, entry := range entries {
		if slices.Contains(held, entry) {
			continue
		}
		if len(held) >= mostRules {
			return nil, fmt.Errorf("blocking %s: there are %d blocked addresses, the most that the driver iptables can hold: use --driver ipset", entry, mostRules)
		}
		held = append(held, entry)
	}
	return held, nil
}

// missing are the entries of one family that are not in a list, each once.
func missing(entries []Entry, family chains.Family, list []Entry) (more []Entry) {
	for _, entry := range entries {
		if chains.FamilyOf(entry.Address) == family && !slices.Contains(list, entry) && !slices.Contains(more, entry) {
			more = append(more, entry)
		}
	}
	return more
}

// Check compares the kernel's rules with those that were written.
func (r *rules) Check() (problem string, err error) {
	return r.tables.CheckWith(RuleList, r.compare)
}

func (r *rules) compare(family chains.Family, lines []string) string {
	found := map[string]bool{}
	for _, line := range lines {
		found[essence(strings.Fields(line))] = true
	}
	wanted := map[string]bool{}
	for _, entry := range missing(r.held, family, nil) {
		for _, rule := range r.rulesOf(entry) {
			wanted[essence(rule)] = true
			if !found[essence(rule)] {
				return fmt.Sprintf("%s chain %s lacks a rule for %s", family, RuleList, entry)
			}
		}
	}
	for i, line := range lines {
		if !wanted[essence(strings.Fields(line))] {
			return fmt.Sprintf("%s chain %s has a rule that is not ours, number %d: %s", family, RuleList, i+1, line)
		}
	}
	return ""
}

// essence is a rule without what iptables adds when it shows it: modules,
// comments, the length of a whole address, another order.
func essence(rule []string) string {
	var parts []string
	for i := 0; i+1 < len(rule); i++ {
		switch flag, value := rule[i], rule[i+1]; flag {
		case "-s", "-d":
			value = strings.TrimSuffix(strings.TrimSuffix(value, "/32"), "/128")
			parts = append(parts, flag+value)
			i++
		case "-A", "-m", "--comment":
			i++
		default:
			parts = append(parts, flag+value)
			i++
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
