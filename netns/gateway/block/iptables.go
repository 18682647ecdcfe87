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
	tables *chains.Tables
	layout chains.Layout
	fault  harness.Fault
	held   []written
	done   map[written]int // how many rules of an entry the kernel has accepted
}

// written is one entry that the kernel was given rules for.
type written struct {
	Entry
	fault harness.Fault
}

// mostRules limits the entries, since each packet passes every rule. A server could
// answer with new addresses for as long as it is asked.
const mostRules = 4096

func openRules(tables *chains.Tables, layout chains.Layout) (*rules, error) {
	r := &rules{tables: tables, layout: layout, fault: harness.Reject, done: map[written]int{}}
	return r, install(tables, layout, func(chains.Family) []chains.Rule { return nil })
}

// entryRules block one entry: what the device sends there, and what comes back.
func entryRules(layout chains.Layout, w written) []chains.Rule {
	there, back := w.Matches()
	return []chains.Rule{
		append(chains.Rulef("-i %s", layout.Inside), append(there, "-j", Target(w.fault))...),
		append(chains.Rulef("-i %s", layout.Uplink), append(back, "-j", drop)...),
	}
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

// Replace writes what is new before it removes what is old.
func (r *rules) Replace(entries []Entry, fault harness.Fault) error {
	if err := supported(fault); err != nil {
		return err
	}
	r.fault = fault
	before := slices.Clone(r.held)
	if err := r.Add(entries); err != nil {
		return err
	}
	for _, old := range before {
		if old.fault == fault && slices.Contains(entries, old.Entry) {
			continue
		}
		if err := r.remove(old); err != nil {
			return err
		}
	}
	return nil
}

// Add writes the rules that are missing, including those that the kernel rejected
// before.
func (r *rules) Add(entries []Entry) error {
	for _, entry := range entries {
		w := written{entry, r.fault}
		if !slices.Contains(r.held, w) {
			if len(r.held) >= mostRules {
				return fmt.Errorf("blocking %s: there are %d blocked addresses, the most that the driver iptables can hold: use --driver ipset", entry, mostRules)
			}
			r.held = append(r.held, w)
		}
		wanted := entryRules(r.layout, w)
		for _, rule := range wanted[r.done[w]:] {
			if err := r.tables.Append(chains.FamilyOf(entry.Address), "filter", RuleList, rule); err != nil {
				return fmt.Errorf("blocking %s: %w", entry, err)
			}
			r.done[w]++
		}
	}
	return nil
}

func (r *rules) remove(w written) error {
	for _, rule := range entryRules(r.layout, w) {
		if err := r.tables.Delete(chains.FamilyOf(w.Address), "filter", RuleList, rule); err != nil {
			return fmt.Errorf("unblocking %s: %w", w.Entry, err)
		}
	}
	delete(r.done, w)
	r.held = slices.DeleteFunc(r.held, func(h written) bool { return h == w })
	return nil
}

// Check compares the kernel's rules with those that were written.
func (r *rules) Check() (problem string, err error) {
	return r.tables.CheckWith(RuleList, r.checkRules)
}

func (r *rules) checkRules() (problem string, err error) {
	for _, family := range chains.Families() {
		lines, err := r.tables.List(family, "filter", RuleList)
		if err != nil {
			return "", err
		}
		if problem := r.compare(family, lines); problem != "" {
			return problem, nil
		}
	}
	return "", nil
}

func (r *rules) compare(family chains.Family, lines []string) string {
	found := map[string]bool{}
	for _, line := range lines {
		found[essence(strings.Fields(line))] = true
	}
	wanted := map[string]bool{}
	for _, w := range r.held {
		if chains.FamilyOf(w.Address) != family {
			continue
		}
		for _, rule := range entryRules(r.layout, w) {
			wanted[essence(rule)] = true
			if !found[essence(rule)] {
				return fmt.Sprintf("%s chain %s lacks a rule for %s", family, RuleList, w.Entry)
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
