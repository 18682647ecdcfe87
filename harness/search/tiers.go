package search

import (
	"cmp"
	"slices"
)

// A trial that passes lasts until the device has tried all that was blocked, so the
// destination that is contacted most rarely decides how long. Where [Options].Hold says
// how long that is, the search decides the fast destinations first. Then it adds the next
// tier, and blocks all of it at once on top of what is safe so far. If that fails, the
// device came upon only a part of it by then, which is all that is looked at further.

// tierFactor is how many times as long as the shortest hold of a tier its longest may be.
const tierFactor = 16

// Tiers are the destinations that a search by cost looks at together: first the fast
// ones, then those and the next tier, and in the end all. Each list is in the caller's
// order. Without holds there is one tier.
func Tiers(order []int, o Options) [][]int {
	if len(o.Hold) == 0 {
		return [][]int{order}
	}
	bySpeed := slices.Clone(order)
	slices.SortStableFunc(bySpeed, func(a, b int) int { return cmp.Compare(o.hold(a), o.hold(b)) })
	var tiers [][]int
	first := 0.0
	for i, x := range bySpeed {
		if i == 0 || o.hold(x) > tierFactor*first {
			first = o.hold(x)
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = bySpeed[:i+1]
	}
	for i, tier := range tiers {
		members := Of(tier...)
		tiers[i] = slices.DeleteFunc(slices.Clone(order), func(x int) bool { return !members.Has(x) })
	}
	return tiers
}

// Within is what a journal says of a tier by itself.
func Within(knowledge []Answer, tier []int) (narrow []Answer) {
	members := Of(tier...)
	for _, answer := range knowledge {
		if !answer.Passed && answer.Touched.IsEmpty() {
			answer.Touched = answer.Blocked
		}
		if answer.Passed || answer.Touched.SubsetOf(members) {
			answer.Blocked = answer.Blocked.Intersect(members)
			narrow = append(narrow, answer)
		}
	}
	return narrow
}

// hold is how long a trial that blocks x is held.
func (o Options) hold(x int) float64 {
	if x < len(o.Hold) {
		return o.Hold[x]
	}
	return 0
}

// wholeTier is everything that is not decided yet on top of the safe list, unless that is
// known to fail.
func (t *theory) wholeTier() (q Question, ok bool) {
	block := t.safe.Union(t.suspects)
	if len(t.Hold) == 0 || t.fails(block) {
		return Question{}, false
	}
	return Question{Block: block, Reason: Halve, Fails: 0.5}, true
}
