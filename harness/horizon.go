package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// horizonReason is that of a trial which holds the safe list to the horizon.
const horizonReason = "horizon"

// unhurried is for how many times Settle a block is held at least if it is held for what
// comes late: what the device contacts seldom, or a failure. It is also for how many times the longest
// period misses add up over trials.
const unhurried = 4

// horizonTries is how often the same safe list is held to the horizon without an answer.
const horizonTries = 2

// Horizon is how long the safe list shall be held: as the user said, or else the longest
// period that is known of a destination, which is no longer than a block may be held or the
// run may last. It is 0 if every trial lasts as long as that anyway, and if a person judges
// a scenario, who would be asked all that time.
func (r Run) Horizon() time.Duration { return newHistory(r).horizon() }

func (h history) horizon() (horizon time.Duration) {
	settings := h.run.Settings
	if settings.Horizon > 0 {
		return settings.Horizon
	}
	if slices.ContainsFunc(h.run.Scenarios, func(s ScenarioInfo) bool { return s.Person }) {
		return 0
	}
	horizon = h.longestPeriod()
	if most := max(settings.Longest, settings.For); most > 0 {
		horizon = min(horizon, most)
	}
	if horizon <= unhurried*settings.Settle {
		return 0
	}
	return horizon
}

// longestPeriod is the longest that is known of a destination.
func (h history) longestPeriod() (longest time.Duration) {
	for _, k := range h.clocks {
		longest = max(longest, min(k.Every, LongestPeriod))
	}
	return longest
}

// overdueReason is that of a trial which blocks what was not tried while it was blocked, until
// it is overdue.
const overdueReason = "until overdue"

// untilOverdue asks for the safe list together with what was not tried while it was blocked,
// for as long as the device may take to contact it: that may have become known only after
// the trials that blocked it. ok is false if nothing was held too briefly for that, or
// if it takes longer than a block may be held. What was not tried in an earlier run, which
// this one tests again, is not waited for again.
func (p plan) untilOverdue() (trial Trial, ok bool) {
	if p.run.Settings.First || p.run.Settings.Known != nil || len(p.inflight) > 0 {
		return Trial{}, false
	}
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			if again, hold := p.overdue(regime, fault); !again.IsEmpty() {
				block := again.Union(search.JointSafe(p.explanations(p.columns(regime, fault))...))
				return Trial{Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: regime, Reason: overdueReason, Hold: hold}, true
			}
		}
	}
	return Trial{}, false
}

// overdue is what was not tried while it was blocked in trials of one regime and fault, and was not
// held until it is overdue. hold is how long that takes.
func (h history) overdue(regime Regime, fault Fault) (again search.Set, hold time.Duration) {
	if !slices.ContainsFunc(h.clocks, func(k Clock) bool { return h.due(k) > 0 }) {
		return again, 0
	}
	for _, column := range h.columns(regime, fault) {
		for _, i := range h.explain(column).NotExercised.Members() {
			if due := h.due(h.clocks[i]); due > 0 && !h.waitedFor(i, due, column) {
				again, hold = again.With(i), max(hold, due)
			}
		}
	}
	return again, hold
}

// waitedFor reports whether a destination was blocked for so long, or so often without an
// answer that it is not asked again.
func (h history) waitedFor(i int, due time.Duration, column Column) bool {
	tries := 0
	for _, f := range h.facts {
		if f.Trial.Control() || !column.hears(f.Trial) || !f.whole.Has(i) {
			continue
		}
		if f.usable && f.Held >= due {
			return true
		}
		if f.Trial.Reason == overdueReason {
			tries++
		}
	}
	return tries >= horizonTries
}

// held notes for how long each cell was blocked in one trial.
func (j *judge) held() {
	for _, column := range j.columns {
		heard, onset := j.heard(column.Column), j.lateFailure(column.Column)
		for i, destination := range j.universe {
			cell := column.Cells[destination]
			for _, f := range heard {
				outcome := f.Outcomes[column.Column.Scenario.Name]
				inCut := len(cell.Cuts) > 0
				if !f.whole.Has(i) || f.brief(column.Column, onset) || inCut != (outcome.Answer == Fail) || inCut && !slices.Contains(cell.Trials, f.Trial.Number) {
					continue
				}
				lasted := f.Held
				if outcome.Broke != nil {
					lasted = outcome.Broke.After
				}
				if lasted > cell.Held {
					cell.Held, cell.HeldAttempts = lasted, f.attempts[i]
				}
			}
			column.Cells[destination] = cell
		}
	}
}
