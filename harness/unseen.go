package harness

import (
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// A cut of several members rests on trials that worked with all but one of them blocked. If the device did not try all
// of these, there are two reasons. It contacts some only while all the others are blocked: these are spares, and
// the cut is one. Or it contacts some seldom, and would have failed later. So these sets are held to the horizon, too.

// spareSeen is in how many trials a spare must have been contacted.
const spareSeen = 2

// unseen are the cuts of a column without one member, if no trial worked in which the device tried all of that, spares
// left out.
func (h history) unseen(explanation search.Explanation, column Column) (sets []search.Set) {
	heard := h.heard(column)
	for _, cut := range explanation.Cuts {
		for _, x := range cut.Members.Members() {
			part := cut.Members.Without(x)
			worked := func(f fact) bool {
				untried := part.Minus(f.attempted)
				return f.passed(column) && part.SubsetOf(f.whole) && !slices.ContainsFunc(untried.Members(), func(i int) bool { return !h.spare(i, cut.Members, heard) })
			}
			if !part.IsEmpty() && !slices.ContainsFunc(heard, worked) {
				sets = append(sets, part)
			}
		}
	}
	return sets
}

// spare reports whether the device contacted a member of a cut soon, whenever all the others were blocked.
func (h history) spare(i int, cut search.Set, heard []fact) bool {
	soon, times := unhurried*h.run.Settings.Settle, 0
	for _, f := range heard {
		if !cut.Without(i).SubsetOf(f.whole) {
			continue
		}
		switch after, contacted := h.firstContacts(f)[i]; {
		case contacted && after <= soon:
			times++
		case contacted || f.Held >= soon:
			return false
		}
	}
	return times >= spareSeen
}
