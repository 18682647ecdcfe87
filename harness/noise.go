package harness

import (
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// usualNoise is the share of wrong answers that is allowed for once answers
// that should all have been right contradict each other.
const usualNoise = 0.05

// contradicts reports whether a set failed of which a larger one passed.
func contradicts(journal []search.Answer) bool {
	return slices.ContainsFunc(journal, func(a search.Answer) bool { return contradicted(a, journal) })
}

// contradicted reports whether an answer is a failure, and another passed with all
// of it blocked.
func contradicted(failed search.Answer, journal []search.Answer) bool {
	if failed.Passed || failed.Blocked.IsEmpty() {
		return false
	}
	return slices.ContainsFunc(journal, func(a search.Answer) bool {
		return a.Passed && failed.Touched.SubsetOf(a.Blocked)
	})
}

// surprising reports whether a scenario failed in a trial though it passed in
// another that blocked all of it: the device may have stumbled.
func (h history) surprising(result Result) bool {
	return slices.ContainsFunc(h.run.Columns(), func(column Column) bool {
		journal := h.answers(column)
		return slices.ContainsFunc(journal, func(a search.Answer) bool {
			return a.Trial == result.Trial.Number && contradicted(a, journal)
		})
	})
}

// falseFail is how often a column fails for no reason, learnt from its controls.
func (h history) falseFail(column Column) float64 {
	failed, all := 0, 0
	for _, result := range h.run.Results {
		if !result.Trial.Control() || result.Suspect != "" || !column.hears(result.Trial) {
			continue
		}
		switch result.Outcomes[column.Scenario.Name].Answer {
		case Pass:
			all++
		case Fail:
			all, failed = all+1, failed+1
		case Inconclusive:
		}
	}
	return search.LearnFalseFail(all, failed)
}
