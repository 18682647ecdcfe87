package harness

import (
	"fmt"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/internal/span"
)

// The limits after which a run ends though verdicts are missing.
const (
	giveUpAfter  = 3  // controls in a row, on one lane, that fail
	muteAfter    = 6  // trials in a row that tell nothing, or one trial so many times
	endlessAfter = 40 // trials, in one sitting, that showed destinations never seen before
	longestHolds = 4  // as many times the longest wait a trial may be held for, since failures come late
	noisyRepeats = 5  // as many trials as without noise, at most
)

// spent reports whether the trials that block something are used up: those of the
// budget, or without one, those of the limit; or whether each would take too long.
func (p plan) spent() bool {
	if p.tooLong() != "" {
		return true
	}
	if budget := p.run.Settings.Budget; budget > 0 {
		return p.used() >= budget
	}
	return p.used() >= len(p.universe) && p.used() >= p.limit()
}

// tooLong says that trials would have to be held for very long since failures come ever later, if so; else "".
func (p plan) tooLong() string {
	settings := p.run.Settings
	most := max(settings.Longest, settings.Horizon, settings.For)
	if settings.Longest == 0 {
		return ""
	}
	for _, column := range p.run.Columns() {
		if hold := p.hold(column.Regime, column.Fault); hold > longestHolds*most {
			return fmt.Sprintf("%s failed so late that each trial would have to be held for %s, which is more than %d times the longest of longest, horizon and for: "+
				"what worked for less time stays undecided; begin another run with a larger longest", column.Scenario.Name, span.Words(hold), longestHolds)
		}
	}
	return ""
}

// limit is where a run without a budget ends. It grows with what is known: no run
// comes near to it unless its answers keep changing.
func (p plan) limit() int {
	limit := 0
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			columns := p.columns(regime, fault)
			journals := p.journals(columns)
			options := p.options(columns, journals...)
			repeats := 1
			if options.MaxNoise > 0 {
				repeats = noisyRepeats
			}
			for _, journal := range journals {
				limit += repeats * search.Bound(journal, p.order, options)
			}
			limit += audits + len(p.universe) + 1 // each kind of service, and the safe list
			limit += len(p.run.Settings.Replicas) * (len(p.universe) + 1)
		}
	}
	return limit
}

// whySpent says why a run without a budget stops before all is decided.
func (p plan) whySpent() string {
	if long := p.tooLong(); long != "" {
		return long
	}
	if p.run.Settings.Budget > 0 {
		return ""
	}
	return fmt.Sprintf("%d trials did not decide all of %d destinations, which should take less than %d: the answers keep changing; "+
		"set trials: {max_noise: 0.05} in the spec, or continue with a larger --budget", p.used(), len(p.universe), p.limit())
}

// endless says that new destinations keep showing up, if they do; else "".
func (p plan) endless() string {
	seen := map[int]bool{}
	revealing := 0
	for i, f := range p.facts {
		news := false
		for _, row := range f.contacted.Members() {
			news = news || !seen[row]
			seen[row] = true
		}
		if news && i >= p.sitting && !f.Trial.Control() {
			revealing++
		}
	}
	if revealing < endlessAfter {
		return ""
	}
	return fmt.Sprintf("in %d trials the device contacted destinations never seen before, %d in all by now: its names, addresses or ports do not repeat, "+
		"so that the list of destinations has no end; what is decided holds, and the rest would stay open", revealing, len(p.universe))
}

// Over reports whether another sitting would have nothing to ask: the run is
// complete, and held to the horizon that a person chose, or its budget is used up.
func (r Run) Over() bool {
	p := plan{history: newHistory(r), sitting: len(r.Results)}
	if r.Status == Complete && r.Settings.Horizon == 0 || p.spent() {
		return true
	}
	_, short := p.toHorizon()
	return r.Status == Complete && !short
}

// hopeless reports that going on makes no sense, and why: on one lane the
// scenarios keep failing with nothing blocked, or cannot be judged, or trials keep
// telling nothing. Only a trial that told something makes up for one that did not:
// a good control in between does not, and neither does another lane's. A lane of several
// replicas is no reason as long as another one can be asked.
func (p plan) hopeless() (Status, string) {
	_, over := p.assess()
	return over.status, over.why
}

// end is why something ends.
type end struct {
	status Status
	why    string
}

// onceGone says what to do about a run that learns nothing, e.g. since the machine is too busy.
const onceGone = "; resume the run once the cause is gone"

// assess returns the lanes that make no sense any more, and whether the run does not.
func (p plan) assess() (useless map[int]end, over end) {
	useless = map[int]end{}
	bad, unclear := map[int][]Result{}, map[int][]Result{} // controls in a row, by lane
	again := map[string]int{}                              // trials that left a scenario without an answer, by what they asked
	var mute []Result
	for _, result := range p.run.Results[p.sitting:] {
		lane, asked := result.Lane, ""
		switch {
		case result.Abandoned:
		case result.good():
			delete(bad, lane)
			delete(unclear, lane)
		case result.bad():
			bad[lane] = append(bad[lane], result)
		case result.Trial.Control():
			unclear[lane] = append(unclear[lane], result)
		case result.complete():
			mute = nil
			delete(again, result.Trial.asks())
		default:
			asked = result.Trial.asks()
			if again[asked]++; result.tells() {
				mute = nil
			} else {
				mute = append(mute, result)
			}
		}
		switch {
		case len(bad[lane]) >= giveUpAfter:
			useless[lane] = end{Failed, failures(result) + offline(result)}
		case len(unclear[lane]) >= muteAfter:
			useless[lane] = end{Interrupted, whyUnclear(unclear[lane]) + onceGone}
		case len(mute) >= muteAfter || again[asked] >= muteAfter:
			return useless, end{Interrupted, "the last trials could not be counted: " + failures(result) + onceGone}
		}
		if why, ends := useless[lane]; ends && !p.others(useless) {
			return useless, why
		}
	}
	if why := p.endless(); why != "" {
		return useless, end{OverBudget, why}
	}
	return useless, end{Running, ""}
}

// others reports whether there are replicas that make sense, unlike these lanes.
func (p plan) others(useless map[int]end) bool {
	for i := range p.run.Settings.Replicas {
		lane := i + 1
		if _, without := useless[lane]; !without && !p.gone[lane] && len(p.differing[lane]) == 0 && len(p.run.Settings.Replicas) > 1 {
			return true
		}
	}
	return false
}
