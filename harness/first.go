package harness

import (
	"slices"
	"strings"

	"github.com/needwant/needwant/harness/search"
)

// first is what to allow so that everything works, as far as a run needs to know it that
// ends at its first answer ([Settings.First]): everything else was blocked at once with
// every column passing, and each name of it is known to break a column if it is blocked
// with the rest. ok is false while there is no such answer.
func (h history) first() (allowed search.Set, ok bool) {
	var journals [][]search.Answer
	for _, column := range h.run.Columns() {
		journal := h.answers(column)
		if contradicts(journal) {
			return search.Set{}, false
		}
		journals = append(journals, journal)
	}
	all, units := h.units()
	for _, f := range h.trusted() {
		missing := all.Minus(f.whole)
		if ok && missing.Len() >= allowed.Len() || !passIn(journals, f.whole) {
			continue
		}
		needless := slices.ContainsFunc(units, func(unit search.Set) bool {
			return unit.Intersects(missing) && breaks(journals, f.whole.Union(unit)) < max(1, h.run.Settings.Confirm)
		})
		if !needless {
			allowed, ok = missing, true
		}
	}
	return allowed, ok
}

// passIn reports whether every column is known to pass with a set blocked.
func passIn(journals [][]search.Answer, blocked search.Set) bool {
	return len(journals) > 0 && !slices.ContainsFunc(journals, func(journal []search.Answer) bool {
		return !slices.ContainsFunc(journal, func(a search.Answer) bool { return a.Passed && blocked.SubsetOf(a.Blocked) })
	})
}

// breaks counts the trials that failed with no more at work than a set.
func breaks(journals [][]search.Answer, blocked search.Set) int {
	trials := map[int]bool{}
	for _, a := range slices.Concat(journals...) {
		if !a.Passed && !a.Touched.IsEmpty() && a.Touched.SubsetOf(blocked) {
			trials[a.Trial] = true
		}
	}
	return len(trials)
}

// units are the rows, and those that belong together because the same names on the
// blocklist have to be allowed for them.
func (h history) units() (all search.Set, units []search.Set) {
	named := map[string]search.Set{}
	for _, row := range h.rows() {
		i := search.Of(h.index[row.Contact.Destination])
		all = all.Union(i)
		if unit := strings.Join(row.Contact.Listed, " "); unit != "" {
			named[unit] = named[unit].Union(i)
		}
	}
	for _, unit := range named {
		units = append(units, unit)
	}
	return all, units
}
