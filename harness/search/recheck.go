package search

import (
	"cmp"
	"slices"
)

// Hypothesis is what an earlier run found of a column. A search that is given one tests
// it: that each cut still breaks the column, and that all the rest can still be blocked
// at once. A destination in none of the sets is new.
//
// Only the answers of the journal are evidence. The hypothesis says which of them to get
// first, and what the verdicts rest on besides: that a cut holds no smaller one, and that
// there is no further cut, was proved by the earlier run.
type Hypothesis struct {
	Cuts     []Set // none contains another
	Optional Set   // in no cut, for certain
	Untried  Set   // in no cut, and never tried while it was blocked with the column working
	Spare    Set   // never tried while all columns that share the trials worked: in no safe list
}

// members are the destinations of the cuts.
func (h Hypothesis) members() (members Set) {
	for _, k := range h.Cuts {
		members = members.Union(k)
	}
	return members
}

// untested are the destinations that the safe list cannot hold: the device does not try
// them while all columns work.
func (h Hypothesis) untested() Set { return h.Spare.Union(h.Untried).Minus(h.members()) }

// review is a hypothesis, corrected by the journal of its column.
//
// Invariant: every set known to fail holds one of cuts, or is one of pending.
type review struct {
	*theory
	known   Hypothesis
	cuts    []Set // those of the hypothesis that are not refuted, and those that the journal proves
	pending []Set // failing sets that hold no cut, smallest first
}

func reviewOf(knowledge []Answer, order []int, options Options, known Hypothesis) review {
	r := review{theory: learn(knowledge, order, options), known: known}
	for _, k := range known.Cuts {
		if !r.passes(k) {
			r.cuts = addMinimal(r.cuts, k)
		}
	}
	for _, f := range slices.Concat(r.singles(), r.theory.cuts) {
		r.cuts = addMinimal(r.cuts, f)
	}
	for _, f := range r.open {
		if !slices.ContainsFunc(r.cuts, func(k Set) bool { return k.SubsetOf(f) }) {
			r.pending = append(r.pending, f)
		}
	}
	return r
}

// fresh are the destinations that the hypothesis does not know.
func (r review) fresh() Set {
	return r.universe.Minus(r.known.members()).Minus(r.known.Optional).Minus(r.known.untested())
}

// isNew reports whether a cut is not one of the hypothesis: then the journal alone proves it.
func (r review) isNew(k Set) bool { return !slices.ContainsFunc(r.known.Cuts, k.Equal) }

// isolate asks for a smaller failing set, or for one again that only one answer speaks
// for, if answers may be wrong.
func (r review) isolate() []Question {
	var questions []Question
	for _, f := range r.pending {
		if r.support(f) < r.trust.inside {
			questions = append(questions, Question{Block: f, Reason: Confirm, Fails: 0.5})
			continue
		}
		questions = append(questions, Question{Block: f.Minus(r.part(f)), Reason: Shrink, Fails: 0.5})
	}
	return questions
}

// part is what to leave out of a failing set. One change is likelier than several, so it is
// half of what may be to blame, or all of it if one member is known to be. What is new is
// suspected first.
func (r review) part(f Set) Set {
	needed := r.needed(f)
	rest, blamed := r.doubtful(f, needed)
	if !blamed && !needed.IsEmpty() {
		return rest
	}
	if news := rest.Intersect(r.fresh()); !news.IsEmpty() && !news.Equal(rest) {
		return news
	}
	return Of(r.sorted(rest)[:max(1, rest.Len()/2)]...)
}

// confirm asks until each cut is beyond doubt that the hypothesis does not have, and until
// nothing contradicts the cuts.
func (r review) confirm() []Question {
	var questions []Question
	for _, k := range r.cuts {
		if !r.isNew(k) {
			continue
		}
		if r.support(k) < r.trust.verdict || r.unconfirmed(k) {
			questions = append(questions, Question{Block: k, Reason: Confirm, Fails: 0.9})
		}
		for _, x := range k.Members() {
			if piece := k.Without(x); !piece.IsEmpty() && -r.support(piece) < r.trust.piece {
				questions = append(questions, Question{Block: piece, Reason: Confirm, Fails: 0.1})
			}
		}
	}
	for _, f := range r.doubted {
		questions = append(questions, Question{Block: f.set, Reason: Again, Fails: 0.5})
	}
	return questions
}

// standing asks whether the cuts still break the column. If answers may be wrong, the
// earlier run counts as one more failing answer.
func (r review) standing() []Question {
	var questions []Question
	for _, k := range r.cuts {
		if !r.fails(k) || r.support(k)+r.trust.fail < r.trust.verdict {
			questions = append(questions, Question{Block: k, Reason: KnownCut, Fails: 0.9})
		}
	}
	return questions
}

// holds reports whether every cut was seen to break the column, and everything else was
// blocked with it working, except for what the device does not try then.
func (r review) holds() bool {
	rest := r.universe.Minus(r.decided()).Minus(r.known.untested())
	return len(r.pending)+len(r.standing())+len(r.confirm()) == 0 && rest.SubsetOf(r.cleared)
}

// reviews are columns with a hypothesis that share their trials.
type reviews []review

// reviewAll reviews the columns that have a hypothesis; others are the journals of the rest,
// and plain the options that search them. A column that is repaired by blocking more is in
// neither.
func reviewAll(columns [][]Answer, order []int, options Options) (known reviews, others [][]Answer, plain Options) {
	plain = options
	plain.Known, plain.FalseFails, plain.Earlier = nil, nil, nil
	for i, knowledge := range columns {
		if options.Known[i] == nil {
			others = append(others, knowledge)
			if options.FalseFails != nil {
				plain.FalseFails = append(plain.FalseFails, options.FalseFails[i])
			}
			continue
		}
		if r := reviewOf(knowledge, order, options.Of(i), *options.Known[i]); r.contradiction() == nil {
			known = append(known, r)
		}
	}
	return known, others, plain
}

// questions are what the columns still ask, in the order in which to ask it, without the
// safe list at the end. What disagrees is looked into first.
func (all reviews) questions(order []int) (questions []Question) {
	ask := func(rule func(review) []Question) {
		for _, r := range all {
			for _, q := range rule(r) {
				if !slices.ContainsFunc(questions, func(other Question) bool { return other.Block.Equal(q.Block) }) {
					questions = append(questions, q)
				}
			}
		}
	}
	if ask(review.isolate); len(questions) > 0 {
		return questions // what comes of it changes the rest
	}
	lists := all.safeLists(order)
	for i, list := range lists[1:] {
		needs := list
		if i == 0 {
			needs = list.Intersect(all.decisive())
		}
		if !list.Equal(lists[0]) && !all.pass(needs) {
			questions = append(questions, Question{Block: list, Reason: KnownSafe, Fails: 0.1})
		}
	}
	ask(review.standing)
	ask(review.confirm)
	return questions
}

// mostSafeLists is how many ways around the known cuts are looked at to choose a few.
const mostSafeLists = 256

// safeLists are what can be blocked at once by the hypotheses: first as much as possible;
// then, if there are alternatives, a second set that holds others of them, since one that
// became required is in one of the two; then, for each cut of a hypothesis that is
// refuted, a set that holds all of it, which may be a part of a larger cut now.
func (all reviews) safeLists(order []int) (lists []Set) {
	var cuts, refuted []Set
	var untested, doubtful Set
	for _, r := range all {
		untested = untested.Union(r.known.untested())
		for _, k := range r.cuts {
			cuts = addMinimal(cuts, k)
		}
		for _, k := range r.known.Cuts {
			if r.passes(k) {
				refuted, doubtful = append(refuted, k), doubtful.Union(k)
			}
		}
	}
	slices.SortFunc(cuts, Set.Compare)
	ways, _ := transversals(cuts, mostSafeLists)
	without := func(avoid Set) Set { // the shortest way that spares these as far as possible
		return slices.MinFunc(ways, func(a, b Set) int {
			return cmp.Or(cmp.Compare(a.Intersect(avoid).Len(), b.Intersect(avoid).Len()), cmp.Compare(a.Len(), b.Len()),
				cmp.Compare(a.Intersect(doubtful).Len(), b.Intersect(doubtful).Len()), a.Compare(b))
		})
	}
	first := without(Set{})
	lists = append(lists, first, without(first))
	for _, k := range refuted {
		lists = append(lists, without(k))
	}
	for i, way := range lists {
		lists[i] = Of(order...).Minus(untested).Minus(way)
	}
	return lists
}

// decisive are the members of the cuts, and what is new: the second safe list is for them.
func (all reviews) decisive() (s Set) {
	for _, r := range all {
		s = s.Union(r.fresh())
		for _, k := range slices.Concat(r.cuts, r.known.Cuts) {
			s = s.Union(k)
		}
	}
	return s
}

// pass reports whether a set is known to pass in all columns.
func (all reviews) pass(s Set) bool {
	return !slices.ContainsFunc(all, func(r review) bool { return !r.passes(s) })
}

// recheckAll is the next trial of columns that have a hypothesis each, or none, in which
// case they are searched after the others are decided. It ends with the safe list of
// all of them.
func recheckAll(columns [][]Answer, order []int, inflight []Set, options Options) (Question, bool) {
	free := func(q Question) bool { return !slices.ContainsFunc(inflight, q.Block.Equal) }
	all, others, plain := reviewAll(columns, order, options)
	questions := all.questions(order)
	if i := slices.IndexFunc(questions, free); i >= 0 {
		return ofTheEnd(questions[i], inflight), true
	}
	if len(questions) == 0 && len(others) > 0 {
		if q, ok := NextOfAll(others, order, inflight, plain); ok && q.Reason != SafeList && free(q) {
			return q, true
		}
	}
	if len(inflight) > 0 || len(questions) > 0 {
		return Question{}, false
	}
	if list := all.safeLists(order)[0]; !list.IsEmpty() && !all.pass(list) {
		return ofTheEnd(Question{Block: list, Reason: SafeList, Fails: 0.1}, nil), true
	}
	var explained []Explanation
	for i, knowledge := range columns {
		explained = append(explained, Explain(knowledge, order, options.Of(i)))
	}
	return lastOf(columns, explained, inflight, options)
}

// recheck says what a journal and a hypothesis together say of a column.
func recheck(knowledge []Answer, order []int, options Options, known Hypothesis) Explanation {
	r := reviewOf(knowledge, order, options, known)
	e := Explanation{Attempted: attempted(knowledge), Fallbacks: map[int]Fallback{}, knowledge: knowledge}
	if r.MaxNoise > 0 {
		e.FalseFail, e.FalsePass = r.FalseFail, r.FalsePass
	}
	e.Passing, e.Safe, e.SafeTrial = r.passing, r.safe, r.passedTrial(r.safe)
	var members Set
	for _, k := range r.cuts {
		if !r.fails(k) || r.isNew(k) && r.unconfirmed(k) {
			continue
		}
		e.Cuts = append(e.Cuts, r.explainCut(k))
		if members = members.Union(k); !r.needed(k).Equal(k) {
			e.Believed = e.Believed.Union(k)
		}
	}
	slices.SortStableFunc(e.Cuts, func(a, b Cut) int { return cmp.Compare(min(a.Members.Len(), 2), min(b.Members.Len(), 2)) })
	e.confidence = r.certainty(-r.support(r.safe.Minus(members)))
	if !r.holds() {
		e.Certified = "none"
		e.Undecided, e.Open = r.universe.Minus(members), r.explainPending()
		return e
	}
	e.Certified = Rechecked
	for _, x := range r.universe.Minus(members).Members() {
		f, ok := r.fallback(x, r.cuts)
		switch {
		case len(e.Attempted[x]) > 0, known.Optional.Has(x):
			e.Optional, e.Believed = e.Optional.With(x), e.Believed.With(x)
		case ok && f.certain():
			e.Optional = e.Optional.With(x)
			e.Fallbacks[x] = f
		default:
			e.NotExercised = e.NotExercised.With(x)
		}
	}
	e.qualify(len(r.findings) > 0)
	return e
}

// explainPending lists what a review would still ask for.
func (r review) explainPending() []Open {
	var list []Open
	add := func(why string, sets []Set) {
		if len(sets) > 0 {
			list = append(list, Open{why, sets})
		}
	}
	add(OpenFailing, r.pending)
	if len(r.pending) == 0 {
		add(OpenAgain, blocks(r.standing()))
		add(OpenConfirm, blocks(r.confirm()))
		if rest := r.universe.Minus(r.cleared).Minus(r.known.untested()).Minus(r.decided()); !rest.IsEmpty() {
			add(OpenAgain, []Set{rest})
		}
	}
	return list
}

// decided are the members of the cuts that stand.
func (r review) decided() (members Set) {
	for _, k := range r.cuts {
		members = members.Union(k)
	}
	return members
}
