package search

import "slices"

// theory is what the journal proves of one column.
//
// Invariants: passing holds the maximal sets known to pass, failing the
// minimal sets known to fail. No member of failing lies inside one of passing.
// passing always holds the empty set or a superset, since the control passed.
type theory struct {
	Options
	order     []int
	universe  Set
	knowledge []Answer
	blocked   []Set // by the trials, those included that tell nothing any more
	trust     trust
	findings  []finding
	doubted   []finding // contradicted by stronger findings

	passing, failing []Set
	required         Set   // destinations that fail alone
	cleared          Set   // destinations that were part of a passing set
	suspects         Set   // neither
	safe             Set   // the largest passing set
	cuts             []Set // proven cuts of several members
	open             []Set // failing sets that may hold a smaller one, smallest first
}

// learn reads the journal.
func learn(knowledge []Answer, order []int, options Options) *theory {
	t := &theory{Options: options.withDefaults(), order: order, universe: Of(order...), knowledge: knowledge, blocked: slices.Clone(options.Untold)}
	for _, answer := range knowledge {
		t.blocked = append(t.blocked, answer.Blocked)
		if len(options.Hold) > 0 && answer.Passed { // for the device, the rest was not blocked
			t.blocked = append(t.blocked, answer.Touched.Union(answer.Attempted))
		}
	}
	t.trust = trustOf(t.Options)
	t.findings = findings(knowledge, t.trust)
	t.passing = []Set{{}}
	for _, f := range byWeight(t.findings) {
		if !t.believe(f) {
			t.doubted = append(t.doubted, f)
		}
	}
	t.classify()
	return t
}

// classify derives from passing and failing what the rules ask about.
func (t *theory) classify() {
	for _, p := range t.passing {
		t.cleared = t.cleared.Union(p)
	}
	for _, f := range t.failing {
		switch {
		case f.Len() == 1:
			t.required = t.required.Union(f)
		case t.needed(f).Equal(f):
			t.cuts = append(t.cuts, f)
		default:
			t.open = append(t.open, f)
		}
	}
	slices.SortStableFunc(t.open, func(a, b Set) int { return a.Len() - b.Len() })
	t.suspects = t.universe.Minus(t.required).Minus(t.cleared)
	t.safe = largest(t.passing)
}

// withDefaults fills in what 0 stands for.
func (o Options) withDefaults() Options {
	if o.Order == 0 {
		o.Order = 2
	}
	if o.Transversals == 0 {
		o.Transversals = 4096
	}
	o.FalseFail = max(o.FalseFail, 0.05)
	if o.FalsePass == 0 {
		o.FalsePass = o.FalseFail / 10
	}
	return o
}

// believe takes a finding in, unless what is believed already contradicts it.
func (t *theory) believe(f finding) bool {
	switch {
	case t.MaxNoise == 0 && len(f.passed) > 0 && len(f.failed) > 0:
		return false
	case f.weight > 0 && !t.passes(f.set):
		t.failing = addMinimal(t.failing, f.set)
		return true
	case f.weight < 0 && !t.fails(f.set):
		t.passing = addMaximal(t.passing, f.set)
		return true
	}
	return false
}

// passes reports whether s is known to pass, because it lies in a passing set.
func (t *theory) passes(s Set) bool {
	return slices.ContainsFunc(t.passing, s.SubsetOf)
}

// fails reports whether s is known to fail, because it contains a failing set.
func (t *theory) fails(s Set) bool {
	return slices.ContainsFunc(t.failing, func(f Set) bool { return f.SubsetOf(s) })
}

// needed are the members of a failing set without which it is known to pass:
// they are part of each cut inside it.
func (t *theory) needed(f Set) Set {
	if f.Len() == 1 {
		return f
	}
	var needed []int
	for _, x := range f.Members() {
		if t.passes(f.Without(x)) {
			needed = append(needed, x)
		}
	}
	return Of(needed...)
}

// sorted lists the members of s in the universe's order.
func (t *theory) sorted(s Set) []int {
	members := make([]int, 0, s.Len())
	for _, x := range t.order {
		if s.Has(x) {
			members = append(members, x)
		}
	}
	return members
}

// addMaximal adds s to a list of sets none of which contains another.
func addMaximal(sets []Set, s Set) []Set {
	if slices.ContainsFunc(sets, s.SubsetOf) {
		return sets
	}
	sets = slices.DeleteFunc(sets, func(other Set) bool { return other.SubsetOf(s) })
	return append(sets, s)
}

// addMinimal adds s to a list of sets none of which contains another.
func addMinimal(sets []Set, s Set) []Set {
	if slices.ContainsFunc(sets, func(other Set) bool { return other.SubsetOf(s) }) {
		return sets
	}
	sets = slices.DeleteFunc(sets, s.SubsetOf)
	return append(sets, s)
}

// largest is the first of the largest sets.
func largest(sets []Set) Set {
	var best Set
	for _, s := range sets {
		if s.Len() > best.Len() {
			best = s
		}
	}
	return best
}
