package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// chosen lists the ids of the columns that a scenario's name or a column's id
// means; "" means all.
func chosen(m reports.Matrix, scenario string) ([]string, error) {
	var ids, names []string
	for _, column := range m.Columns {
		if scenario == "" || scenario == column.Scenario || scenario == column.ID {
			ids = append(ids, column.ID)
		}
		names = append(names, column.ID)
	}
	if len(names) == 0 {
		return nil, errors.New("the run has no scenarios: there is nothing to make a policy of")
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the run has no scenario %q: choose one of %s", scenario, harmless(strings.Join(names, ", ")))
	}
	return ids, nil
}

// provedFor is the largest list that was proved safe for at least these
// columns: that of exactly these if there is one, else of the fewest more.
func provedFor(m reports.Matrix, columns []string) (best reports.Safe, err error) {
	found := false
	for _, safe := range m.Safe {
		if !containsAll(safe.Columns, columns) {
			continue
		}
		if !found || len(safe.Columns) < len(best.Columns) {
			best, found = safe, true
		}
	}
	if !found {
		return best, fmt.Errorf("the run proves no safe list for %s: it is %s", harmless(strings.Join(columns, ", ")), harmless(string(m.Run.Status)))
	}
	return best, nil
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// strongest joins the verdicts of some columns: what one of them needs is needed,
// and what makes one of them worse is not one alternative among others.
func strongest(columns []string, row reports.Row) harness.Verdict {
	var verdicts []harness.Verdict
	for _, column := range columns {
		verdicts = append(verdicts, row.Cells[column].Verdict)
	}
	for _, verdict := range []harness.Verdict{harness.Required, harness.Degraded, harness.Alternative, harness.Undecided, harness.NotExercised} {
		if slices.Contains(verdicts, verdict) {
			return verdict
		}
	}
	return harness.Optional
}

// sort puts each destination on one of the lists.
func (p *Policy) sort(m reports.Matrix, options Options, safe reports.Safe) {
	whole := options.WholeGroups || p.Kind == AllowRequired && !options.Minimal
	for _, pattern := range p.Patterns {
		for _, id := range pattern.Destinations() {
			p.Always = append(p.Always, always(id, pattern, m))
		}
	}
	for _, row := range m.Rows {
		d := destination(row.Destination)
		if p.always(d) {
			continue
		}
		verdict := strongest(p.Columns, row)
		d.Why = string(verdict)
		if d.Fallback = p.isFallback(verdict, row); d.Fallback {
			d.Why += ", contacted only while what is needed is blocked"
		}
		if p.blocks(verdict, d.Fallback, slices.Contains(safe.Destinations, d.ID), whole) {
			p.Blocked = append(p.Blocked, d)
			continue
		}
		p.Open = append(p.Open, d)
	}
}

// isFallback reports whether a destination is optional, and in one of the columns
// only because it is contacted in no state in which that works.
func (p *Policy) isFallback(verdict harness.Verdict, row reports.Row) bool {
	return verdict == harness.Optional && slices.ContainsFunc(p.Columns, func(column string) bool { return len(row.Cells[column].OnlyWhile) > 0 })
}

// blocks reports whether a destination is blocked by its verdict, and by whether
// it is on the list that was proved safe as a whole. A fallback is on no such list:
// blocking it was never seen to change nothing, but nothing needs it to be allowed.
func (p *Policy) blocks(verdict harness.Verdict, fallback, safe, whole bool) bool {
	switch verdict {
	case harness.Optional:
		return safe || fallback && p.Kind == AllowRequired
	case harness.Alternative:
		return safe && !whole
	case harness.NotExercised: // that it was at the block proves nothing: the device never tried it
		return p.Kind == AllowRequired
	}
	return false // degraded, too: it could be blocked, at a price that nobody asked to pay
}

// always reports whether the run blocked a destination in every trial.
func (p *Policy) always(d Destination) bool {
	return slices.ContainsFunc(p.Patterns, func(pattern harness.Pattern) bool { return pattern.Matches(d.ID, d.Addresses...) })
}

// always is what stands for a pattern, with the addresses that the run saw of it.
func always(id harness.Destination, pattern harness.Pattern, m reports.Matrix) Destination {
	row := reports.Destination{ID: id, Host: id.Host()}
	for _, seen := range m.Rows {
		if pattern.MatchesName(seen.Destination.ID.Name) {
			row.Addresses = append(row.Addresses, seen.Destination.Addresses...)
		}
	}
	if address, bare := id.Address(); bare {
		row.Addresses = []string{address.String()}
	}
	d := destination(row)
	d.Why = "always blocked"
	return d
}
