package search

import "slices"

// prove asks for sets that contain no known cut and are not yet known to pass.
// When one passes, the formula is proven a bit further; when it fails, it holds
// a cut that nobody had suspected.
//
// It stops at the order asked for: exact when every way around the cuts has
// passed. With more ways than can be listed, it falls back on the order.
func (t *theory) prove() []Question {
	if t.Exact {
		if ways, all := transversals(t.cuts, t.Transversals); all {
			return t.unproven(ways)
		}
	}
	uncovered, _ := t.uncovered(t.Order)
	return t.cover(uncovered)
}

// unproven asks, for each way around the cuts, whether all the rest may be
// blocked at once.
func (t *theory) unproven(ways []Set) []Question {
	var questions []Question
	for _, way := range ways {
		if b := t.universe.Minus(t.required).Minus(way); !t.passes(b) {
			questions = append(questions, Question{Block: b, Reason: Prove, Fails: 0.05})
		}
	}
	return questions
}

// cover asks for the set that covers most of what is uncovered, then for the
// set that covers most of the rest, and so on.
func (t *theory) cover(uncovered []Set) []Question {
	var questions []Question
	for len(uncovered) > 0 {
		best, most := Set{}, 0
		for _, u := range uncovered[:min(len(uncovered), 100)] {
			b := t.widen(u)
			if covers := count(uncovered, func(u Set) bool { return u.SubsetOf(b) }); covers > most {
				best, most = b, covers
			}
		}
		questions = append(questions, Question{Block: best, Reason: Prove, Fails: 0.05})
		uncovered = slices.DeleteFunc(uncovered, func(u Set) bool { return u.SubsetOf(best) })
	}
	return questions
}

// count is how many of the sets have a property.
func count(sets []Set, has func(Set) bool) (n int) {
	for _, s := range sets {
		if has(s) {
			n++
		}
	}
	return n
}

// mostCombinations bounds the sets of alternatives that are looked through for
// an order. Order 2 comes to so many with about 450 alternatives, order 3 with 84.
const mostCombinations = 100_000

// uncovered lists the sets of at most order members of known alternatives that
// contain no cut and that have not yet passed together with all that belongs
// to no cut. While one is left, an unknown cut may hold just those
// alternatives. all is false if there were too many sets to look through.
func (t *theory) uncovered(order int) (open []Set, all bool) {
	var alternatives Set
	for _, k := range t.cuts {
		alternatives = alternatives.Union(k)
	}
	members := alternatives.Members()
	rest := t.universe.Minus(t.required).Minus(alternatives)
	looked := 0
	var extend func(chosen Set, from int)
	extend = func(chosen Set, from int) {
		if looked++; looked > mostCombinations {
			return
		}
		if slices.ContainsFunc(t.cuts, func(k Set) bool { return k.SubsetOf(chosen) }) {
			return
		}
		if !t.passes(chosen.Union(rest)) {
			open = append(open, chosen)
		}
		if chosen.Len() == order {
			return
		}
		for i := from; i < len(members); i++ {
			extend(chosen.With(members[i]), i+1)
		}
	}
	extend(Set{}, 0)
	return open, looked <= mostCombinations
}

// transversals lists the minimal sets that share a member with each cut: the
// ways to break every cut. It stops at limit, and then says that some are
// missing.
func transversals(cuts []Set, limit int) (ways []Set, all bool) {
	ways, all = []Set{{}}, true
	for _, k := range cuts {
		var hit, longer []Set
		for _, way := range ways {
			if way.Intersects(k) {
				hit = append(hit, way)
				continue
			}
			for _, x := range k.Members() {
				longer = append(longer, way.With(x))
			}
		}
		ways = hit
		for _, way := range longer {
			if !slices.ContainsFunc(hit, func(other Set) bool { return other.SubsetOf(way) }) {
				ways = append(ways, way)
			}
		}
		if len(ways) > limit {
			ways, all = ways[:limit], false
		}
	}
	return ways, all
}
