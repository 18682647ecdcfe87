package harness

import (
	"fmt"
	"slices"
)

const (
	openingControls = 2 // over all lanes, and at least one on each: the first sees the start of the device, the second its steady state
	usualControls   = 8 // trials that block something, on one lane, between two controls
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

// asks identifies what a trial asks: two with the same have the same answer.
func (t Trial) asks() string { return fmt.Sprint(t.Regime, t.Fault, t.Block, t.StandIns, t.Ways) }

// tells reports whether any scenario was judged, in a trial that may be used.
func (r Result) tells() bool { return r.Suspect == "" && (r.answered(Pass) || r.answered(Fail)) }

// complete reports whether every scenario was judged, in a trial that may be used.
func (r Result) complete() bool { return r.tells() && !r.answered(Inconclusive) }
