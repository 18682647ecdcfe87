package harness

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/internal/span"
)

const (
	openingControls = 2  // over all lanes, and at least one on each: the first sees the start of the device, the second its steady state
	usualControls   = 8  // trials that block something, on one lane, between two controls
	giveUpAfter     = 3  // controls in a row, on one lane, that fail
	muteAfter       = 6  // trials in a row that tell nothing, or one trial so many times
	endlessAfter    = 40 // trials, in one sitting, that showed destinations never seen before
	longestHolds    = 4  // as many times the longest wait a trial may be held for, since failures come late
	noisyRepeats    = 5  // as many trials as without noise, at most
)

// plan says what a free lane should do next. It is a pure function of the
// run's results, of those under way, and of where this sitting began.
type plan struct {
	history
	sitting  int // number of results from earlier sittings: lanes of this one start with controls of their own
	inflight []Trial
	gone     map[int]bool // lanes that cannot carry out trials any more
}

// next returns the next trial for a lane. It returns false when there is
// nothing to do now, or, with nothing in flight, nothing at all. A control is
// due only while there is still something to ask.
func (p plan) next(lane int) (Trial, bool) {
	if p.out(lane) != "" {
		return Trial{}, false
	}
	opening, due := p.controlDue(lane)
	if opening {
		return p.control(lane), true
	}
	if p.spent() {
		return Trial{}, false
	}
	trial, ok := p.questionFor(lane)
	switch {
	case ok && due:
		return p.control(lane), true
	case !ok:
		return trial, false
	}
	if by, seeks := p.seeks(trial); seeks {
		return p.seeker(by), true
	}
	if trial.Provoke == "" && len(trial.StandIns) == 0 {
		trial.Provoke = p.provoker(trial.Regime, p.set(trial.Block), trial.Hold)
	}
	return trial, ok
}

// open reports whether there is anything left to ask.
func (p plan) open() bool {
	return slices.ContainsFunc(p.available(), func(lane int) bool {
		_, asks := p.questionFor(lane)
		return asks
	})
}

// question asks the search what is likeliest to be needed, and of what is
// equally likely the question of the first regime and fault. Before that, it looks into a failure
// that seems to be late. When the search has no question left, what was not tried is blocked while the
// device is provoked, or until it is overdue, and the safe list is held to the horizon. At last come the
// stand-ins.
//
// needed is the chance that the trial is still needed when those in flight have ended; 0 if there is none.
func (p plan) question() (trial Trial, needed float64) {
	if skipped := p.run.skipped(); len(skipped) > 0 {
		if trial, needed := p.questionBut(append(skipped, p.inflight...)); needed > 0 {
			return trial, needed
		}
	}
	if trial, ok := p.alone(); ok {
		return trial, 1
	}
	if trial, needed := p.questionBut(p.inflight); needed > 0 {
		return trial, needed
	}
	for _, last := range []func() (Trial, bool){p.untilProvoked, p.untilOverdue, p.toHorizon, p.standInTrial} {
		if trial, ok := last(); ok && !p.set(trial.Block).Intersects(p.kept) {
			return trial, 1
		}
	}
	return Trial{}, 0
}

// questionBut is a question whose answer is not expected of some trials.
func (p plan) questionBut(asked []Trial) (trial Trial, needed float64) {
	if p.run.Settings.First && len(p.run.Results) > 0 {
		if _, known := p.first(); known {
			return Trial{}, 0
		}
	}
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			question, columns, asks := p.ask(regime, fault, asked)
			if !asks || question.Needed <= needed {
				continue
			}
			candidate := Trial{Number: p.number(), Block: p.destinations(question.Block), Fault: fault, Regime: regime, Reason: question.Reason, Hold: p.hold(regime, fault), Awaited: p.awaited(question.Block, regime)}
			candidate.Unasked = p.unasked(candidate, columns)
			if question.Last {
				if candidate, asks = p.last(candidate, question.Block, asked); !asks {
					continue
				}
			}
			trial, needed = candidate, question.Needed
			if needed == 1 {
				return trial, needed
			}
		}
	}
	return trial, needed
}

func (p plan) control(lane int) Trial {
	control := Trial{Number: p.number(), Block: []Destination{}, Fault: p.run.Settings.Faults[0], Regime: p.controlRegime(lane), Reason: controlReason}
	control.Unasked = p.unaskedInControl(control)
	return control
}

// number is one above every number that was given out.
func (p plan) number() int {
	last := 0
	for _, result := range p.run.Results {
		last = max(last, result.Trial.Number)
	}
	for _, trial := range p.inflight {
		last = max(last, trial.Number)
	}
	return last + 1
}

// controlDue reports whether a lane must show that its device works before it is
// asked anything: opening at the start of a sitting, and due every few trials
// that were not given up, when the last control failed, when the device was not
// seen to recover, and after a surprising failure.
func (p plan) controlDue(lane int) (opening, due bool) {
	good, since := 0, 0
	var last *Result // of the lane, when it blocked something
	every := p.controlEvery()
	for _, result := range p.run.Results[p.sitting:] {
		switch {
		case result.Lane != lane:
		case !result.Trial.Control():
			if last = &result; !result.Abandoned {
				since++
			}
			if !result.Recovered {
				since = every
			}
		case result.good():
			good, since, last = good+1, 0, nil
		default:
			since, last = every, nil
		}
	}
	wanted := max(1, openingControls/max(p.run.Settings.Lanes, 1)) * len(p.run.Settings.Regimes)
	surprised := last != nil && p.surprising(*last)
	return good < wanted, since >= every || surprised
}

func (p plan) controlEvery() int {
	if p.run.Settings.ControlEvery > 0 {
		return p.run.Settings.ControlEvery
	}
	return usualControls
}

// controlRegime takes the regimes in turn.
func (p plan) controlRegime(lane int) Regime {
	done := 0
	for _, result := range p.run.Results[p.sitting:] {
		if result.Lane == lane && result.good() {
			done++
		}
	}
	return p.run.Settings.Regimes[done%len(p.run.Settings.Regimes)]
}

// used counts the trials that block something, those under way included.
func (p plan) used() int {
	used := len(p.run.Results) + len(p.inflight) - p.run.controls()
	for _, trial := range p.inflight {
		if trial.Control() {
			used--
		}
	}
	return used
}

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

// asks identifies what a trial asks: two with the same have the same answer.
func (t Trial) asks() string { return fmt.Sprint(t.Regime, t.Fault, t.Block, t.StandIns, t.Ways) }

// tells reports whether any scenario was judged, in a trial that may be used.
func (r Result) tells() bool { return r.Suspect == "" && (r.answered(Pass) || r.answered(Fail)) }

// complete reports whether every scenario was judged, in a trial that may be used.
func (r Result) complete() bool { return r.tells() && !r.answered(Inconclusive) }
