package harness

import (
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// The look ahead is bounded, for devices with very many destinations.
const (
	mostLeft  = 60     // trials
	mostAhead = 30_000 // trials, times destinations
	mostWays  = 256    // around the cuts that are known
)

// left estimates how many trials are still to come: the search is played on, on
// paper, with the answer to each of its questions that is known already, or
// else with the likelier one.
func (h history) left() int {
	total := 0
	for _, regime := range h.run.Settings.Regimes {
		for _, fault := range h.run.Settings.Faults {
			total += h.playOn(regime, fault)
		}
	}
	return total
}

func (h history) playOn(regime Regime, fault Fault) int {
	journals := h.journals(regime, fault)
	var windows []search.Window
	ahead := min(mostLeft, 1+mostAhead/max(1, len(h.order)))
	for asked := range ahead {
		options := h.options(regime, fault, journals...)
		options.Windows = append(options.Windows, windows...)
		options.Transversals = mostWays
		question, more := search.NextOfAll(journals, h.order, nil, options)
		if !more {
			return asked
		}
		windows = append(windows, search.Window{Trial: len(h.run.Results) + asked + 1, Reason: question.Reason, Blocked: question.Block})
		for i, journal := range journals {
			passed, known := implied(journal, question.Block)
			journals[i] = append(slices.Clip(journal), search.Answer{
				Trial:     len(h.run.Results) + asked + 1,
				Blocked:   question.Block,
				Touched:   question.Block,
				Attempted: question.Block,
				Passed:    known && passed || !known && question.Fails < 0.5,
			})
		}
	}
	return mostLeft
}

// implied is the answer that blocking a set must have by what a journal says.
func implied(journal []search.Answer, set search.Set) (passed, known bool) {
	for _, answer := range journal {
		if answer.Passed && set.SubsetOf(answer.Blocked) {
			return true, true
		}
		if !answer.Passed && answer.Touched.SubsetOf(set) {
			return false, true
		}
	}
	return false, false
}
