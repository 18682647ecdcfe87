package harness

import (
	"maps"
	"math"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// compareReason is that of a trial which a lane is asked since another one has an answer.
const compareReason = "compare replicas"

// vote is what the lanes answered when exactly one set was blocked, of one column.
type vote struct {
	column Column
	block  search.Set
	sure   int         // answers that rule out chance
	passed map[int]int // by lane
	failed map[int]int
	doubts map[int]bool // lanes that passed with everything blocked that another one had missed when it failed
}

// fails reports whether a lane fails, as far as is known, and how often it did; passes is the counterpart.
// A lane that did both is neither: that is noise.
func (v vote) fails(lane int) int {
	if v.passed[lane] > 0 {
		return 0
	}
	return v.failed[lane]
}

func (v vote) passes(lane int) int {
	if v.failed[lane] > 0 {
		return 0
	}
	return v.passed[lane]
}

// open reports whether another answer of a lane would say more.
func (v vote) open(lane int) bool {
	noise := v.passed[lane] > 0 && v.failed[lane] > 0
	return !noise && v.passed[lane]+v.failed[lane] < v.sure
}

// groups are the lanes that surely fail and those that surely pass.
func (v vote) groups() (fail, pass []int) {
	for lane := range v.failed {
		if v.fails(lane) >= v.sure {
			fail = append(fail, lane)
		}
	}
	for lane := range v.passed {
		if v.passes(lane) >= v.sure {
			pass = append(pass, lane)
		}
	}
	slices.Sort(fail)
	slices.Sort(pass)
	return fail, pass
}

// minority is the smaller of the two groups, or that without the first of all lanes if they are equal.
// There is none as long as the lanes are not known to differ.
func (v vote) minority() (lanes []int, works bool) {
	fail, pass := v.groups()
	switch {
	case len(fail) == 0 || len(pass) == 0:
		return nil, false
	case len(pass) < len(fail) || len(pass) == len(fail) && fail[0] < pass[0]:
		return pass, true
	}
	return fail, false
}

// sure is how many equal answers of one lane rule out chance: as many as come by chance less than
// once in a thousand times, and at least 3.
func (h history) sure(column Column) int {
	const least, chance = 3, 1e-3
	rate := max(h.run.Settings.MaxNoise, h.falseFail(column))
	if rate <= 0 {
		return least
	}
	return max(least, 1+int(math.Ceil(math.Log(chance)/math.Log(min(rate, 0.5)))))
}

// votes are the sets over which lanes may disagree, in the order of the trials: one lane failed,
// and another passed with everything blocked that the first one had missed.
func (h history) votes() (votes []vote) {
	if len(h.run.Settings.Replicas) < 2 {
		return nil
	}
	for _, column := range h.run.Columns() {
		heard := h.heard(column)
		var begun []search.Set
		for _, failed := range heard {
			if failed.passed(column) || !failed.exact() || slices.ContainsFunc(begun, failed.blocked.Equal) {
				continue
			}
			if doubts := h.doubts(failed, heard, column); len(doubts) > 0 {
				begun = append(begun, failed.blocked)
				votes = append(votes, h.vote(column, failed.blocked, doubts))
			}
		}
	}
	return votes
}

// doubts are the lanes that passed with everything blocked that another one had missed when it failed.
func (h history) doubts(failed fact, heard []fact, column Column) map[int]bool {
	doubts := map[int]bool{}
	touched, onset := h.touchedBy(failed, column), h.lateFailure(column)
	for _, f := range heard {
		if f.Lane != failed.Lane && f.passed(column) && !f.brief(column, onset) && !f.Trial.Control() && touched.SubsetOf(f.whole) {
			doubts[f.Lane] = true
		}
	}
	return doubts
}

// exact reports whether a trial blocked something, and of each row all or nothing.
func (f fact) exact() bool { return !f.blocked.IsEmpty() && f.blocked.Equal(f.whole) }

// vote counts what the lanes answered when exactly this set was blocked.
func (h history) vote(column Column, block search.Set, doubts map[int]bool) vote {
	v := vote{column: column, block: block, sure: h.sure(column), passed: map[int]int{}, failed: map[int]int{}, doubts: doubts}
	onset := h.lateFailure(column)
	for _, f := range h.heard(column) {
		switch {
		case !f.exact() || !f.blocked.Equal(block):
		case !f.passed(column):
			v.failed[f.Lane]++
		case !f.brief(column, onset):
			v.passed[f.Lane]++
		}
	}
	return v
}

// exclude looks for replicas that differ, and if there are any, uses their answers no more. Without these, others
// may agree. The lanes that have not answered yet are asked all the same: they may change which group is the larger one.
func (h *history) exclude() (excluded bool) {
	for _, v := range h.votes() {
		lanes, works := v.minority()
		if len(lanes) > 0 {
			h.decisive = append(h.decisive, v)
		}
		for _, lane := range lanes {
			h.differing[lane] = append(h.differing[lane], h.difference(v, lane, works))
		}
		for i := range h.facts {
			h.facts[i].usable = h.facts[i].usable && !slices.Contains(lanes, h.facts[i].Lane)
		}
		if len(lanes) > 0 {
			return true
		}
	}
	return false
}

// difference is what a replica answered to a vote, and what the others did.
func (h history) difference(v vote, lane int, works bool) Difference {
	d := Difference{Column: v.column, Block: h.destinations(v.block), Works: works}
	for _, f := range h.heard(v.column) {
		switch {
		case !f.exact() || !f.blocked.Equal(v.block):
		case f.Lane == lane:
			d.Trials = append(d.Trials, f.Trial.Number)
		case f.passed(v.column) != works:
			d.Others = append(d.Others, f.Trial.Number)
		}
	}
	return d
}

// asks reports whether a lane is to be asked, again or for the first time, to find out whether the replicas
// differ. A lane that only passed with more blocked is asked first. If it does not pass again, the lanes agree. Then
// the lanes that answered differently are asked until that is sure, and then all the others.
func (v vote) asks(lane int) bool {
	fail, pass := v.groups()
	failed := slices.ContainsFunc(slices.Collect(maps.Keys(v.failed)), func(lane int) bool { return v.fails(lane) > 0 })
	passed := slices.ContainsFunc(slices.Collect(maps.Keys(v.passed)), func(lane int) bool { return v.passes(lane) > 0 })
	voted := v.passed[lane]+v.failed[lane] > 0
	switch {
	case !v.open(lane) || !failed:
		return false
	case len(fail) > 0 && len(pass) > 0:
		return true
	case passed:
		return voted
	}
	return !voted && v.doubts[lane]
}

// disputed is a set that a lane is to be asked, to find out whether the replicas differ.
func (p plan) disputed(lane int) (Trial, bool) {
	for _, v := range append(p.decisive, p.votes()...) {
		if v.asks(lane) {
			return p.compare(v.block, v.column), true
		}
	}
	return Trial{}, false
}

// compare is a trial that compares a lane with others.
func (p plan) compare(block search.Set, column Column) Trial {
	return Trial{
		Number: p.number(), Block: p.destinations(block), Fault: column.Fault, Regime: column.Regime,
		Reason: compareReason, Hold: p.hold(column.Regime, column.Fault),
	}
}
