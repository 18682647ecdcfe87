package search

import (
	"math"
	"slices"
)

// next is the next question, asked by the first rule that has one. Where a
// rule has several, it prefers one that is not in flight; when all of them
// are, it gives the first.
func (t *theory) next(inflight []Set) (Question, bool) {
	switch {
	case t.universe.IsEmpty() || t.contradiction() != nil:
		return Question{}, false
	case len(t.findings) == 0 && len(t.Likely) == 0:
		return Question{Block: t.universe, Reason: Everything, Fails: 0.8}, true
	case !t.suspects.IsEmpty() && !t.groupFirst():
		return t.halve(inflight), true
	}
	for _, rule := range []func() []Question{t.count, t.narrow, t.prove, t.confirm, t.seeAgain, t.audit} {
		if questions := rule(); len(questions) > 0 {
			return prefer(questions, inflight), true
		}
	}
	return Question{}, false
}

// groupFirst reports whether to look into a group of alternatives before the suspects
// that are left: a failing set of which each member is known to pass without others.
func (t *theory) groupFirst() bool {
	return t.Blame && slices.ContainsFunc(t.open, func(f Set) bool { return !f.Intersects(t.suspects) })
}

// prefer is the first question that is not in flight, or else the first.
func prefer(questions []Question, inflight []Set) Question {
	for _, q := range questions {
		if !slices.ContainsFunc(inflight, q.Block.Equal) {
			return q
		}
	}
	return questions[0]
}

// halve looks for destinations that fail alone among the suspects that no
// other lane is trying. A chunk is tried on top of the largest set known to
// pass, so that a passing chunk grows the safe list; but the last one that is
// to blame is tried alone, since its failure is its own certificate. When the
// rest of the suspects are probably harmless, and nothing hints at
// alternatives, all that is not required is tried at once.
//
// With Blame, several suspects are never tried alone: on top of the largest passing
// set, a failure shows a member of a group of alternatives, too.
//
// Invariant: a failing set that holds suspects has probably one of them to
// blame; the failing set with the fewest suspects says most.
func (t *theory) halve(inflight []Set) Question {
	free := t.suspects
	for _, s := range inflight {
		free = free.Minus(t.tries(s))
	}
	if free.IsEmpty() {
		return t.await(inflight)
	}
	if q, ok := t.wholeTier(); ok && len(inflight) == 0 {
		return q
	}
	rest, blamed := free, false
	for _, f := range t.failing {
		group := f.Intersect(free)
		if f.Len() > 1 && !group.IsEmpty() && (!blamed || group.Len() < rest.Len()) {
			rest, blamed = group, true
		}
	}
	size, fails := pick(rest.Len(), t.share(), blamed)
	chunk := Of(t.sorted(rest)[:size]...)
	onlySingles := len(t.failing) == t.required.Len()
	switch {
	case size == t.suspects.Len() && fails < 0.4 && onlySingles:
		chunk = t.universe.Minus(t.required)
	case size > 1 || !blamed || t.Blame && rest.Len() > 1:
		chunk = chunk.Union(t.safe)
	}
	return Question{Block: chunk, Reason: Halve, Fails: fails}
}

// tries are the suspects that a set in flight will clear or blame: none where
// what else is in it may fail by itself.
func (t *theory) tries(s Set) Set {
	if t.passes(s.Minus(t.suspects)) || s.Equal(t.universe.Minus(t.required)) {
		return s.Intersect(t.suspects)
	}
	return Set{}
}

// await is the question in flight that tries the first suspects.
func (t *theory) await(inflight []Set) Question {
	for _, s := range inflight {
		if tried := t.tries(s); !tried.IsEmpty() {
			return Question{Block: s, Reason: Halve, Fails: 1 - math.Pow(1-t.share(), float64(tried.Len()))}
		}
	}
	return Question{}
}

// share is the chance of one suspect to be required: the share of required
// ones so far, after a prior of one in 1 + max(1.6, n/3 - 1).
func (t *theory) share() float64 {
	singles, cleared, n := float64(t.required.Len()), float64(t.cleared.Len()), float64(t.universe.Len())
	rare := max(1.6, n/3-1)
	if t.Blame { // about one
		rare = max(1.6, n-1)
	}
	return (1 + singles) / (1 + rare + singles + cleared)
}

// narrow asks, for each failing set that may hold a smaller one, what brings
// it nearer to a cut: first whether it really fails, then for a smaller one.
func (t *theory) narrow() []Question {
	var questions []Question
	for _, f := range t.open {
		q, ok := t.confirmPieces(f)
		if !ok {
			q, ok = t.confirmOpen(f)
		}
		if !ok && t.MaxNoise == 0 {
			q, ok = t.beside(f)
		}
		if !ok {
			q = t.shrink(f)
		}
		questions = append(questions, q)
	}
	return questions
}

// shrink looks for a smaller failing set inside f. Where only a single
// destination is in doubt and it is probably needed, everything else is blocked
// with it, so that a pass proves as much as it can; but not beside other open
// failing sets, which would make such a trial fail for a reason of their own.
//
// Invariant: every cut inside f contains all of needed(f), and a member of
// f minus p for each passing p.
func (t *theory) shrink(f Set) Question {
	needed := t.needed(f)
	rest, blamed := t.doubtful(f, needed)
	likely := 0.5
	if alike := kinds(t.kin(), needed); len(alike) > 0 {
		strange := rest.Minus(t.ofKind(t.kin(), alike))
		if !strange.IsEmpty() && !(blamed && strange.Equal(rest)) {
			return Question{Block: f.Minus(strange), Reason: Shrink, Fails: 0.7}
		}
		likely = 0.4
	}
	size, passes := pick(rest.Len(), membership(needed.Len(), f.Len()), blamed)
	q := Question{Block: f.Without(t.sorted(rest)[:size]...), Reason: Shrink, Fails: 1 - passes}
	if size == 1 && passes >= likely && len(t.open) == 1 {
		q.Block = t.widen(q.Block)
	}
	return q
}

// doubtful are the members of f that may turn out to be needed or not. blamed
// says that at least one of them is needed, since f works without them all.
func (t *theory) doubtful(f, needed Set) (rest Set, blamed bool) {
	rest = f.Minus(needed)
	for _, p := range t.passing {
		group := f.Minus(p)
		if !group.Intersects(needed) && (!blamed || group.Len() < rest.Len()) {
			rest, blamed = group, true
		}
	}
	return rest, blamed
}

// membership is the chance that one of the doubtful members of a failing set
// of this size is needed, when cuts have about three members.
func membership(needed, size int) float64 {
	more := float64(max(1, 3-needed))
	if needed >= 2 {
		more = 0.85
	}
	return min(0.5, more/float64(size-needed+1))
}

// widen is a maximal set that contains s and is not known to fail.
func (t *theory) widen(s Set) Set {
	for _, x := range t.universe.Minus(s).Members() {
		if wider := s.With(x); !t.fails(wider) {
			s = wider
		}
	}
	return s
}

// pick is how many of m candidates to try at once when each is needed with
// this chance, so that the trial is as close to an even bet as it can be.
// blamed says that at least one of the m is needed; trying all would then
// teach nothing. It also gives the chance that one of those picked is needed.
func pick(m int, share float64, blamed bool) (size int, chance float64) {
	if m == 1 && blamed {
		return 1, 0.5 // as likely, it is needed only together with what passes
	}
	most, given := m, 1.0
	if blamed {
		most, given = m-1, 1-math.Pow(1-share, float64(m))
	}
	for h := 1; h <= most; h++ {
		hit := (1 - math.Pow(1-share, float64(h))) / given
		if h == 1 || math.Abs(hit-0.5) < math.Abs(chance-0.5) {
			size, chance = h, hit
		}
	}
	return size, chance
}
