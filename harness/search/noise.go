package search

import (
	"cmp"
	"math"
	"slices"
)

// LearnFalseFail estimates the share of trials that fail for no reason from
// the controls of a run, of which so many failed: the mean of a Beta(1, 19)
// prior after those controls, and never under 0.05. Assuming too much noise
// costs some more trials, assuming too little costs correctness.
func LearnFalseFail(controls, failed int) float64 {
	return max(0.05, float64(1+failed)/float64(20+controls))
}

// finding is all that was answered about one set.
type finding struct {
	set            Set
	passed, failed []int   // trials
	weight         float64 // log-likelihood ratio: above 0 it fails, below 0 it passes
}

// trust is how much an answer weighs, and how much of it is needed before what
// rests on it is asked, all in nats. docs/design/010-search.md tells how the
// numbers of [trustOf] were found.
type trust struct {
	fail, pass float64 // weight of one answer
	open       float64 // before a failing set is shrunk
	doubt      float64 // more of it for each needed member beyond the second
	inside     float64 // for the passing set inside it
	piece      float64 // for a passing set on which a cut rests
	shared     float64 // more of it for each further cut that rests on the same set
	passing    float64 // for each maximal passing set
	verdict    float64 // for each cut, and for what is in no cut as a whole
}

// trustOf is the weight of answers under the options. With no noise one answer
// proves its set, so that every confirmation is satisfied from the start.
func trustOf(o Options) trust {
	if o.MaxNoise == 0 {
		return trust{fail: 1, pass: 1}
	}
	t := trust{
		fail:    math.Log((1 - o.FalsePass) / o.FalseFail),
		pass:    math.Log((1 - o.FalseFail) / o.FalsePass),
		open:    2.9,
		doubt:   1,
		inside:  5,
		piece:   6.5,
		shared:  3,
		passing: 4,
		verdict: 6.5,
	}
	if o.Careful {
		t.verdict = 8
	}
	return t
}

// findings gathers the journal by set. A pass teaches all that was blocked; a
// failure only what the device ran into, since every set between the two must
// have the same result. A failure in which nothing was touched teaches what
// was blocked.
func findings(knowledge []Answer, trust trust) []finding {
	var found []finding
	for _, answer := range knowledge {
		set := answer.Blocked
		if !answer.Passed && !answer.Touched.IsEmpty() {
			set = answer.Touched
		}
		if set.IsEmpty() {
			continue
		}
		i := slices.IndexFunc(found, func(f finding) bool { return f.set.Equal(set) })
		if i < 0 {
			i = len(found)
			found = append(found, finding{set: set})
		}
		if answer.Passed {
			found[i].passed = append(found[i].passed, answer.Trial)
		} else {
			found[i].failed = append(found[i].failed, answer.Trial)
		}
	}
	for i, f := range found {
		found[i].weight = float64(len(f.failed))*trust.fail - float64(len(f.passed))*trust.pass
	}
	return found
}

// byWeight sorts findings, the best supported first.
func byWeight(found []finding) []finding {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Compare(math.Abs(b.weight), math.Abs(a.weight))
	})
	return found
}

// support is the log-likelihood ratio of all answers that bear on s: above 0
// it fails, below 0 it passes. Were s to pass, each failure inside it would be
// false; were it to fail, each pass that contains it would be.
func (t *theory) support(s Set) float64 {
	sum := 0.0
	for _, f := range t.findings {
		if f.weight > 0 && f.set.SubsetOf(s) || f.weight < 0 && s.SubsetOf(f.set) {
			sum += f.weight
		}
	}
	return sum
}

// confirmOpen asks for a failing set again before effort is spent on shrinking
// it, then for the largest passing set inside it.
func (t *theory) confirmOpen(f Set) (Question, bool) {
	enough := t.trust.open + t.trust.doubt*float64(max(0, t.needed(f).Len()-2))
	if t.support(f) < enough {
		return Question{Block: f, Reason: Confirm, Fails: 0.9}, true
	}
	var inside Set
	for _, p := range t.passing {
		if p.SubsetOf(f) && p.Len() > inside.Len() {
			inside = p
		}
	}
	if !inside.IsEmpty() && -t.support(inside) < t.trust.inside {
		return Question{Block: inside, Reason: Confirm, Fails: 0.1}, true
	}
	return Question{}, false
}

// confirmPieces asks for what the cuts inside f rest on: that each passes without
// any one of its members. A false pass here would breed cuts that are none for
// as long as the search goes on.
func (t *theory) confirmPieces(f Set) (Question, bool) {
	for _, piece := range t.weakPieces() {
		if piece.SubsetOf(f) {
			return Question{Block: piece, Reason: Confirm, Fails: 0.1}, true
		}
	}
	return Question{}, false
}

// weakPieces are the cuts without one member that are not known to pass well enough. A
// piece of several cuts is asked for more often, since a single false pass makes many
// false cuts.
func (t *theory) weakPieces() (weak []Set) {
	for _, k := range t.cuts {
		for _, x := range k.Members() {
			piece := k.Without(x)
			further := count(t.cuts, piece.SubsetOf) - 1
			if -t.support(piece) < t.trust.piece+t.trust.shared*float64(further) {
				weak = append(weak, piece)
			}
		}
	}
	return weak
}

// confirm asks until each cut and all that passes is beyond doubt, then for what
// contradicts them, as often as that may help. One pass is enough for each of many maximal sets, since a cut that
// nobody suspects is unlikely, and fails in each of them unless it holds alternatives.
func (t *theory) confirm() []Question {
	var questions []Question
	for _, f := range t.failing {
		if t.support(f) < t.trust.verdict || t.unconfirmed(f) {
			questions = append(questions, Question{Block: f, Reason: Confirm, Fails: 0.9})
		}
	}
	for _, p := range append(t.weakPieces(), t.weakPassing()...) {
		questions = append(questions, Question{Block: p, Reason: Confirm, Fails: 0.1})
	}
	for _, f := range t.doubted {
		if t.asked(f.set) < mostAgain {
			questions = append(questions, Question{Block: f.set, Reason: Again, Fails: 0.5})
		}
	}
	return questions
}

// mostAgain is how often a set is asked of which a finding is doubted. If a part of it fails each time, but never the whole,
// no answer speaks of the finding itself.
const mostAgain = 12

// asked is in how many trials exactly a set was blocked.
func (t *theory) asked(s Set) (trials int) {
	for _, answer := range t.knowledge {
		if answer.Blocked.Equal(s) {
			trials++
		}
	}
	return trials
}

// weakPassing are the maximal passing sets that are not known to pass well enough, and
// the largest of them if that is so of what is in no cut.
func (t *theory) weakPassing() (weak []Set) {
	rest := -t.support(t.rest())
	for _, p := range t.passing {
		known := -t.support(p)
		if !p.IsEmpty() && (known < t.trust.passing || p.Equal(t.safe) && rest < t.trust.verdict) {
			weak = append(weak, p)
		}
	}
	return weak
}

// rest is what passes and is in no proven cut.
func (t *theory) rest() Set {
	rest := t.safe
	for _, k := range t.cuts {
		rest = rest.Minus(k)
	}
	return rest
}

// unconfirmed reports whether a failing set has failed in fewer trials than it
// needs. A failure that passes by itself may look like a need in one trial.
func (t *theory) unconfirmed(f Set) bool {
	for _, found := range t.findings {
		if found.set.Equal(f) {
			return len(found.failed) < t.Confirm || len(found.failed) == 1 && t.weak(found.failed[0])
		}
	}
	return false
}

// weak reports whether the failure of a trial needs another one.
func (t *theory) weak(trial int) bool {
	return slices.ContainsFunc(t.knowledge, func(a Answer) bool { return a.Trial == trial && a.Weak })
}
