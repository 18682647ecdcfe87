package harness

import (
	"slices"
	"time"

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
		options.Transversals, options.Quick = mostWays, true
		question, more := search.NextOfAll(journals, h.asked, nil, options)
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

// remaining estimates how long a number of trials takes, if each takes as long as those so
// far, with the controls between them. What every sitting begins with is left out, since
// the first control may be a long observation. Before the first of them, a trial is taken
// to last as long as its block must stand, twice.
func remaining(run Run, trials int) time.Duration {
	var spent time.Duration
	asked, opened := 0, map[bench]bool{}
	for _, result := range run.Results {
		blocks := !result.Trial.Control()
		opened[result.bench()] = opened[result.bench()] || blocks
		if opened[result.bench()] {
			spent += result.Duration
		}
		if blocks && !result.Abandoned {
			asked++
		}
	}
	if asked == 0 {
		spent, asked = 2*run.Settings.Settle, 1
	}
	return spent * time.Duration(trials) / time.Duration(asked*max(1, run.Settings.Lanes))
}
