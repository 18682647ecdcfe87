package search

import (
	"math"
	"slices"
)

// Contradiction is a set that fails inside a set that passes: blocking more
// repaired the scenario. Where both are the same set, it gave both answers.
type Contradiction struct {
	Failed, Passed             Set // Failed ⊆ Passed
	FailedTrials, PassedTrials []int
}

// explainContradiction pairs a doubted finding that is beyond doubt with what
// it contradicts.
func (t *theory) explainContradiction() *Contradiction {
	doubted := t.contradiction()
	if doubted == nil {
		return nil
	}
	for _, other := range byWeight(t.findings) {
		failed, passed := *doubted, other
		if len(failed.failed) == 0 {
			failed, passed = passed, failed
		}
		if len(failed.failed) > 0 && len(passed.passed) > 0 && failed.set.SubsetOf(passed.set) {
			return &Contradiction{failed.set, passed.set, failed.failed, passed.passed}
		}
	}
	return nil
}

// distrust drops the cuts of several members, whose proof rests on what is
// refuted, and every passing set that holds a set seen to fail: on a device that
// works when more is blocked, blocking just a part of it is not safe.
func (t *theory) distrust() {
	t.cuts, t.passing = nil, []Set{{}}
	for _, f := range t.findings {
		holds := slices.ContainsFunc(t.findings, func(g finding) bool {
			return len(g.failed) > 0 && g.set.SubsetOf(f.set)
		})
		if f.weight < 0 && !holds {
			t.passing = addMaximal(t.passing, f.set)
		}
	}
	t.safe = largest(t.passing)
}

// contradiction is a doubted finding beyond doubt, nil if there is none.
func (t *theory) contradiction() *finding {
	for _, f := range t.doubted {
		if math.Abs(f.weight) >= t.trust.verdict {
			return &f
		}
	}
	return nil
}
