package search

import "slices"

// A device may need several of a group, such as two of four time servers that must agree.
// Its cuts are then all sets of so many members, here all sets of three. To shrink each of them on
// its own would take many trials. So if two differ in one member only, the others
// are tried at once: first each set of so many members, all of which must fail, and then each
// largest set without one of them, all of which must pass. The first answer that is not as expected ends
// this. It only orders the trials: each cut is proven like any other. If answers may be wrong, it begins with sets that are known
// to fail as well as a set must be known to before it is shrunk.

// mostChosen bounds the sets of some members of a group that are tried.
const mostChosen = 200

// count asks for what shows that several of a group are needed.
func (t *theory) count() []Question {
	presumed := t.presumed()
	if questions := t.kindred(presumed); len(questions) > 0 && t.MaxNoise == 0 {
		return questions
	}
	for len(presumed) > 0 {
		family, rest := related(presumed[0], presumed[1:])
		if len(family) > 1 {
			if questions := t.countIn(union(family), family[0].Len()); len(questions) > 0 {
				return questions
			}
		}
		presumed = rest
	}
	return nil
}

// kindred asks of each failing set with all members of a presumed cut except one, whether what is of the
// same kind takes the place of that one.
func (t *theory) kindred(presumed []Set) (questions []Question) {
	for _, f := range t.open {
		for _, cut := range presumed {
			alike := f.Minus(cut).Intersect(t.ofKind(t.kin(), kinds(t.kin(), cut)))
			s := f.Intersect(cut).Union(alike)
			if allButOne(cut, f) && !alike.IsEmpty() && !s.Equal(f) && !t.passes(s) {
				questions = append(questions, Question{Block: s, Reason: Count, Fails: 0.5})
			}
		}
	}
	return questions
}

// presumed are the proven cuts of several members, and what is likely to be one: a failing set
// of one kind, or that differs from a proven cut in one member only.
func (t *theory) presumed() []Set {
	presumed := slices.Clone(t.cuts)
	for _, f := range t.open {
		if t.support(f) < t.trust.open {
			continue
		}
		near := slices.ContainsFunc(t.cuts, func(cut Set) bool { return neighbours(cut, f) })
		alike := kinds(t.kin(), f)
		if near || len(alike) == 1 && !t.universe.Minus(t.ofKind(t.kin(), alike)).IsEmpty() {
			presumed = append(presumed, f)
		}
	}
	return presumed
}

// countIn asks which sets of so many members of a group fail, unless one is known to pass,
// and then whether with fewer members all else can be blocked.
func (t *theory) countIn(group Set, size int) (questions []Question) {
	if n := group.Len(); choose(n, size)+choose(n, size-1) > mostChosen {
		return nil
	}
	for _, s := range choices(t.sorted(group), size) {
		if t.passes(s) {
			return nil
		}
		if !t.fails(s) {
			questions = append(questions, Question{Block: s, Reason: Count, Fails: 0.8})
		}
	}
	strange := func(f Set) bool { return !f.SubsetOf(group) }
	if len(questions) > 0 || slices.ContainsFunc(t.open, strange) {
		return questions
	}
	fewer := choices(t.sorted(group), size-1)
	if slices.ContainsFunc(fewer, t.fails) {
		return nil
	}
	for _, s := range fewer {
		if b := t.widen(s); !t.passes(b) {
			questions = append(questions, Question{Block: b, Reason: Count, Fails: 0.1})
		}
	}
	return questions
}

// beside looks in a failing set for a cut that differs in one member from one that is proven.
func (t *theory) beside(f Set) (Question, bool) {
	for _, cut := range t.cuts {
		rest := t.sorted(f.Minus(cut))
		if s := f.Without(rest[len(rest)/2:]...); allButOne(cut, f) && len(rest) > 1 && !t.passes(s) {
			return Question{Block: s, Reason: Count, Fails: 0.5}, true
		}
	}
	return Question{}, false
}

// allButOne reports whether all members of a cut except one are in a set.
func allButOne(cut, s Set) bool { return cut.Minus(s).Len() == 1 }

// related splits off the sets that hang together with the first by steps of one member.
func related(first Set, others []Set) (family, rest []Set) {
	family = []Set{first}
	for i := 0; i < len(family); i++ {
		rest = nil
		for _, s := range others {
			if neighbours(family[i], s) {
				family = append(family, s)
			} else {
				rest = append(rest, s)
			}
		}
		others = rest
	}
	return family, rest
}

// neighbours reports whether two sets have the same size, and differ in one member.
func neighbours(a, b Set) bool { return a.Len() == b.Len() && a.Minus(b).Len() == 1 }

func union(sets []Set) (all Set) {
	for _, s := range sets {
		all = all.Union(s)
	}
	return all
}

// choices are the sets of so many of some destinations.
func choices(of []int, size int) (sets []Set) {
	if size == 0 {
		return []Set{{}}
	}
	for i, x := range of {
		for _, s := range choices(of[i+1:], size-1) {
			sets = append(sets, s.With(x))
		}
	}
	return sets
}
