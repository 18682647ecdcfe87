package search

import (
	"cmp"
	"math"
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

// partsByTier are the sets to audit with holds: what is safe of each tier by itself, so that every
// destination is tried without the other tiers' and each hold is waited for once, and of the fast
// destinations the random sets and kinds of service of [theory.parts]. A device learns from what
// it contacts often that all of a kind is dead.
func (t *theory) partsByTier(safe Set) (parts []Set) {
	var faster Set
	for i, order := range Tiers(t.order, t.Options) {
		tier := Of(order...)
		if parts = append(parts, safe.Intersect(tier).Minus(faster)); i == 0 {
			alike := t.Options
			alike.Hold = nil
			parts = append(parts, learn(nil, order, alike).parts(parts[0])...)
		}
		faster = tier
	}
	return proper(parts, safe)
}

// mostLikely is the highest chance to fail of a question that is left for the end.
const mostLikely = 0.25

// atLast is what to ask before a question whose answer, if it is a pass, leaves only audits to
// ask: these come first, so that the safe list, which ends the search, is held once. With holds, an
// audit clears what is slow as well, and fails with less to look at further. Without them, a question
// that may well fail comes first, since other audits would be due then.
func atLast(q Question, columns [][]Answer, order []int, options Options) Question {
	if options.MaxNoise > 0 || len(options.Hold) == 0 && q.Fails > mostLikely {
		return q
	}
	plain := options
	plain.Audits, plain.Quick = 0, true
	passed := slices.Clone(columns)
	var explained []Explanation
	for i, knowledge := range columns {
		passed[i] = append(slices.Clip(knowledge), Answer{
			Trial: math.MaxInt, Blocked: q.Block, Touched: q.Block, Attempted: q.Block.Minus(idle(knowledge)), Passed: true,
		})
		explained = append(explained, Explain(passed[i], order, plain.Of(i)))
	}
	if _, more := likeliest(passed, order, nil, plain); more || !JointSafe(explained...).Equal(q.Block) {
		return q
	}
	if audit, ok := auditOfAll(columns, order, nil, options, q.Block); ok {
		return audit
	}
	q.Last = true
	return q
}

// idle are the destinations that were blocked in a trial that passed, and attempted in none.
func idle(knowledge []Answer) (idle Set) {
	for _, answer := range knowledge {
		if answer.Passed {
			idle = idle.Union(answer.Blocked)
		}
	}
	for _, answer := range knowledge {
		idle = idle.Minus(answer.Attempted)
	}
	return idle
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
