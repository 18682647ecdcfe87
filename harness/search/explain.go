package search

import (
	"cmp"
	"math"
	"slices"
)

// Explanation is what a journal proves of one column. The members of the cuts,
// Optional, NotExercised and Undecided are together all destinations, each in
// one of the four.
type Explanation struct {
	Cuts          []Cut            // those of one member first
	Safe          Set              // the largest set that passed as a whole
	SafeTrial     int              // a trial that passed with Safe blocked; 0 for a control
	Passing       []Set            // all maximal sets known to pass; Safe is the largest of them
	Optional      Set              // in no cut, and attempted while blocked in a passing trial, or a fallback
	Fallbacks     map[int]Fallback // per destination of Optional that was attempted in no passing trial
	NotExercised  Set              // in no cut, but never attempted while blocked in a passing trial, and no fallback for certain
	Undecided     Set              // the rest
	Believed      Set              // in a cut or optional, which rests on the [Hypothesis], too
	Attempted     map[int][]int    // per destination, the passing trials in which it was attempted at the block
	Contradiction *Contradiction   // nil unless blocking more repaired the scenario
	Certified     string           // "exact", "order 2" (see certificate), [Rechecked], or "none"
	FalseFail     float64          // the rates on which the confidences rest, 0 when every answer was trusted
	FalsePass     float64
	Open          []Open // what is left to find out
	Unproven      []Cut  // sets that failed, smallest first, and are not proved to be cuts: Members and Trials alone

	confidence float64  // that what is in no cut passes
	knowledge  []Answer // that all of this rests on
}

// Cut is a minimal set whose blocking breaks the scenario.
type Cut struct {
	Members    Set
	Trials     []int   // that failed with exactly this set at work
	Proof      []int   // for each member, ascending, a trial that passed with all the others blocked; none for a cut of one
	Confidence float64 // the probability that this is a cut, 0 to 1
}

// Open is something that the journal does not settle yet.
type Open struct {
	Why  string // as "not yet tried alone"
	Sets []Set
}

// Why a search is still open.
const (
	OpenSuspects  = "part of no passing trial, and not yet tried alone"
	OpenFailing   = "fails as a whole, and may hold a smaller failing set"
	OpenProof     = "not yet shown to work when blocked together"
	OpenConfirm   = "not yet beyond doubt"
	OpenAudit     = "works with all of it blocked; that it also works with only a part of it blocked was not tested"
	OpenWays      = "more ways around the known cuts than were listed, so not exact"
	OpenRepaired  = "blocking more repaired it"
	OpenUnsettled = "the same set both passed and failed"
	OpenAgain     = "not yet tested again"
)

// Rechecked is what [Explanation].Certified is if a [Hypothesis] was tested, and holds
// with what the journal corrects: each cut was tested again, and so was all the rest at
// once. That there is no other cut rests on what was known before.
const Rechecked = "recheck"

// Explain says what the journal of a column proves. It may be called at any
// time; what is not proven yet is undecided.
func Explain(knowledge []Answer, order []int, options Options) Explanation {
	t := learn(knowledge, order, options)
	if !options.Whole && len(options.Known) == 1 && options.Known[0] != nil && t.contradiction() == nil {
		return recheck(knowledge, order, options, *options.Known[0])
	}
	e := Explanation{Attempted: attempted(knowledge), Fallbacks: map[int]Fallback{}, Contradiction: t.explainContradiction(), knowledge: knowledge}
	if t.MaxNoise > 0 {
		e.FalseFail, e.FalsePass = t.FalseFail, t.FalsePass
	}
	if e.Contradiction != nil {
		t.distrust()
	}
	e.Passing, e.Safe = t.passing, t.safe
	e.SafeTrial = t.passedTrial(t.safe)
	var members Set
	for _, k := range t.proven() {
		e.Cuts = append(e.Cuts, t.explainCut(k))
		members = members.Union(k)
	}
	e.Open = t.explainOpen(e.Contradiction)
	e.Unproven = t.explainUnproven()
	e.Certified = t.certificate(e.Contradiction)
	e.confidence = t.certainty(-t.support(t.rest()))
	e.divide(t.universe.Minus(members), t)
	e.qualify(len(t.findings) > 0)
	return e
}

// Confidence is the probability that the verdict on x is right, 0 to 1; 0 for
// what is undecided.
func (e Explanation) Confidence(x int) float64 {
	best := 0.0
	for _, c := range e.Cuts {
		if c.Members.Has(x) {
			best = max(best, c.Confidence)
		}
	}
	if best > 0 || e.Undecided.Has(x) {
		return best
	}
	return min(e.confidence, 1-e.Fallbacks[x].Chance)
}

// divide sorts the destinations outside of all cuts.
func (e *Explanation) divide(rest Set, t *theory) {
	if e.Certified == "none" {
		e.Undecided = rest
		return
	}
	cuts := t.proven()
	for _, x := range rest.Members() {
		if len(e.Attempted[x]) > 0 {
			e.Optional = e.Optional.With(x)
			continue
		}
		if f, ok := t.fallback(x, cuts); ok && f.certain() {
			e.Optional = e.Optional.With(x)
			e.Fallbacks[x] = f
			continue
		}
		e.NotExercised = e.NotExercised.With(x)
	}
}

// explainOpen lists what the rules of the planner would still ask for.
func (t *theory) explainOpen(broken *Contradiction) []Open {
	var list []Open
	add := func(why string, sets ...Set) {
		if len(sets) > 0 {
			list = append(list, Open{why, sets})
		}
	}
	if broken != nil {
		why := OpenRepaired
		if broken.Failed.Equal(broken.Passed) {
			why = OpenUnsettled
		}
		add(why, broken.Failed, broken.Passed)
		return list
	}
	if !t.suspects.IsEmpty() {
		add(OpenSuspects, t.suspects)
	}
	add(OpenFailing, t.open...)
	if t.suspects.IsEmpty() && len(t.open) == 0 {
		add(OpenProof, blocks(t.prove())...)
		add(OpenConfirm, blocks(t.confirm())...)
	}
	if t.Audits > 0 && t.safe.Len() > 1 && !t.audited() {
		add(OpenAudit, t.safe)
	}
	if ways, all := transversals(t.cuts, t.Transversals); t.Exact && !all {
		add(OpenWays, t.universe.Minus(ways[0]))
	}
	return list
}

// audited reports whether some part of the safe list was tried by itself.
func (t *theory) audited() bool {
	return slices.ContainsFunc(t.findings, func(f finding) bool {
		return f.set.SubsetOf(t.safe) && !f.set.Equal(t.safe)
	})
}

// blocks are the sets that the questions ask for.
func blocks(questions []Question) []Set {
	var sets []Set
	for _, q := range questions {
		sets = append(sets, q.Block)
	}
	return sets
}

// singles are the required destinations, each a cut of its own.
func (t *theory) singles() []Set {
	var sets []Set
	for _, x := range t.required.Members() {
		sets = append(sets, Of(x))
	}
	return sets
}

// explainCut is a proven cut with its certificate.
func (t *theory) explainCut(k Set) Cut {
	c := Cut{Members: k, Trials: t.failedTrials(k), Confidence: t.certainty(t.support(k))}
	if k.Len() == 1 {
		return c
	}
	for _, x := range k.Members() {
		c.Proof = append(c.Proof, t.passedTrial(k.Without(x)))
		c.Confidence *= t.certainty(-t.support(k.Without(x)))
	}
	return c
}

// explainUnproven lists the failing sets that are not proved to be cuts.
func (t *theory) explainUnproven() (list []Cut) {
	proven := t.proven()
	for _, f := range t.failing {
		if !slices.ContainsFunc(proven, f.Equal) {
			list = append(list, Cut{Members: f, Trials: t.failedTrials(f)})
		}
	}
	slices.SortStableFunc(list, func(a, b Cut) int { return cmp.Compare(a.Members.Len(), b.Members.Len()) })
	return list
}

// failedTrials are those that failed with exactly s at work.
func (t *theory) failedTrials(s Set) []int {
	for _, f := range t.findings {
		if f.set.Equal(s) {
			return f.failed
		}
	}
	return nil
}

// passedTrial is a trial that passed with at least s blocked, and is 0 for a
// control. It prefers the set with the most answers.
func (t *theory) passedTrial(s Set) int {
	if s.IsEmpty() {
		return 0
	}
	for _, f := range byWeight(t.findings) {
		if f.weight < 0 && s.SubsetOf(f.set) {
			return f.passed[0]
		}
	}
	return 0
}

// certainty is the probability that belongs to a log-likelihood ratio when
// both outcomes were equally likely before.
func (t *theory) certainty(ratio float64) float64 {
	if t.MaxNoise == 0 {
		return 1
	}
	return 1 / (1 + math.Exp(-ratio))
}

// attempted lists per destination the passing trials in which it was freshly
// attempted at the block.
func attempted(knowledge []Answer) map[int][]int {
	trials := map[int][]int{}
	for _, answer := range knowledge {
		if !answer.Passed {
			continue
		}
		for _, x := range answer.Attempted.Members() {
			trials[x] = append(trials[x], answer.Trial)
		}
	}
	return trials
}
