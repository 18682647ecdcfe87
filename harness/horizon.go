package harness

import (
	"maps"
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

// late is since when a scenario fails that worked under the same block before: 0 if it
// failed as soon as it could be told, or soon after the device had tried something for
// the first time. However long the device took to try that, the failure is not late if it had run into
// nothing else before. What the device had missed in the trials before, without an answer since, it
// did not try for the first time: the failure is as late as if these were one trial, unless the device
// has tried something else that is not known to be harmless. Of that time no more than a few periods
// count: each trial is held for longer after a late failure, and the device misses as much in the next.
func (h history) late(f fact, heard []fact, column Column) time.Duration {
	outcome := f.Outcomes[column.Scenario.Name]
	broke := outcome.Broke
	if outcome.Answer != Fail || broke == nil {
		return 0
	}
	met := h.metBy(f, heard, column)
	harmless := met.carried > 0 && slices.ContainsFunc(heard, func(f fact) bool { return f.passed(column) && met.last.SubsetOf(f.attempted) })
	switch {
	case broke.Worked == 0 && met.carried == 0:
		return 0
	case !met.last.IsEmpty() && !harmless && (broke.Worked == 0 || !met.before || broke.After <= unhurried*h.run.Settings.Settle):
		return 0
	}
	return min(broke.After, LongestPeriod) + min(met.carried, unhurried*h.longestPeriod())
}

// met is what the device had run into when a column failed.
type met struct {
	last    search.Set    // rows that it tried for the first time after the scenario had worked for the last time
	before  bool          // it had run into others by then
	missed  search.Set    // rows that it had missed in the trials before, and worked
	carried time.Duration // for how long it had missed one of these when the trial began
}

func (h history) metBy(f fact, heard []fact, column Column) (m met) {
	broke := f.Outcomes[column.Scenario.Name].Broke
	worked, failed := f.Started.Add(broke.Worked), f.Started.Add(broke.After)
	for _, c := range f.Seen.Contacts {
		if c.Touched+c.Attempts == 0 || c.Attempted.After(failed) {
			continue
		}
		i := h.index[c.Destination]
		since, missed := f.missing[i]
		switch first := c.Attempted.After(worked); {
		case missed && h.survived(i, since, f, heard, column):
			m.missed, m.carried, m.before = m.missed.With(i), max(m.carried, f.Started.Sub(since)), m.before || !first
		case first:
			m.last = m.last.With(i)
		default:
			m.before = true
		}
	}
	return m
}

// survived reports whether a column worked, in a trial before f that began at since or later, after the device had
// missed a row.
func (h history) survived(i int, since time.Time, f fact, heard []fact, column Column) bool {
	return slices.ContainsFunc(heard, func(before fact) bool {
		if before.bench() != f.bench() || before.Started.Before(since) || !before.Started.Before(f.Started) || !before.attempted.Has(i) {
			return false
		}
		broke := before.Outcomes[column.Scenario.Name].Broke
		return before.passed(column) || broke != nil && slices.ContainsFunc(before.Seen.Contacts, func(c Contact) bool {
			return h.index[c.Destination] == i && c.Touched+c.Attempts > 0 && c.Attempted.Before(before.Started.Add(broke.Worked))
		})
	})
}

// carry notes of each trial what the device had missed when it began and when it ended, and since which trial: what was
// blocked there, and was not contacted since with nothing in the way. No recovery waits for what is
// contacted less often than once in Settle.
func (h history) carry() {
	missing := map[bench]map[int]time.Time{}
	for n := range h.facts {
		f := &h.facts[n]
		where := f.bench()
		if missing[where] == nil {
			missing[where] = map[int]time.Time{}
		}
		f.missing = maps.Clone(missing[where])
		for _, i := range f.attempted.Members() {
			if _, known := missing[where][i]; !known && h.clocks[i].Every > h.run.Settings.Settle {
				missing[where][i] = f.Started
			}
		}
		for _, c := range slices.Concat(f.Seen.Contacts, f.Later) {
			if c.Tries > 0 && c.Attempts+c.Touched == 0 {
				delete(missing[where], h.index[c.Destination])
			}
		}
		f.stillMissing = maps.Clone(missing[where])
	}
}

// lateFailure is a failure of a column that came late. A trial that passed and was held for less than its onset says nothing of what
// happens then, if what it blocked may fail so.
type lateFailure struct {
	met
	onset     time.Duration // by when it has come, at the latest
	whole     search.Set    // what was blocked
	earlier   search.Set    // what the device had run into, except what it tried last
	needsLast bool          // it worked when it had missed that for as long
}

// lateFailures are those of one column.
type lateFailures []lateFailure

// onset is for how long a set must have been blocked so that a pass counts.
func (all lateFailures) onset(block search.Set) (longest time.Duration) {
	for _, late := range all {
		if !late.needsLast || late.last.Intersects(block) {
			longest = max(longest, late.onset)
		}
	}
	return longest
}

func (h history) lateFailures(column Column) (all lateFailures) {
	heard := h.heard(column)
	for _, f := range heard {
		after := h.late(f, heard, column)
		if after == 0 || h.explained(f, heard, column) {
			continue
		}
		late := lateFailure{met: h.metBy(f, heard, column), whole: f.whole}
		late.earlier = h.touchedBy(f, column).Minus(late.last)
		late.onset = after + h.phase(late.earlier, after)
		late.needsLast = !late.earlier.IsEmpty() && slices.ContainsFunc(heard, func(f fact) bool {
			return f.passed(column) && f.Held >= late.onset && late.earlier.SubsetOf(f.whole.Intersect(f.attempted))
		})
		if !late.needsLast {
			late.onset = max(late.onset, after+h.phase(late.last, after))
		}
		all = append(all, late)
	}
	return all
}

// phase is for how much longer a trial like one that failed late may go well: by how long after its
// beginning the device first tries what it misses then.
func (h history) phase(missed search.Set, after time.Duration) (phase time.Duration) {
	for _, i := range missed.Members() {
		phase = max(phase, min(h.clocks[i].Every, after))
	}
	return phase
}

// explained reports whether a part of what the device had run into when a column failed late is known
// to fail it sooner.
func (h history) explained(late fact, heard []fact, column Column) bool {
	touched, after := h.touchedBy(late, column), h.late(late, heard, column)
	return slices.ContainsFunc(heard, func(f fact) bool {
		part := h.touchedBy(f, column)
		return f.Outcomes[column.Scenario.Name].Answer == Fail && !part.IsEmpty() && part.SubsetOf(touched) && h.late(f, heard, column) < after
	})
}

// The reasons of trials that look into a failure which seems to be late: they block what the device tried for the first time
// just before it, what it had tried earlier, and both with nothing missed before.
const (
	triedLastReason    = "tried last"
	triedEarlierReason = "tried earlier"
	afreshReason       = "afresh"
)

// intoLate asks, after a failure that seems to be late, for the same afresh, if that may show that it was not as late.
// Then it asks for what the device tried for the first time just before it. If that fails by itself, the failure was not late,
// and all the trials that were held for less count. Otherwise it asks for what the device had tried earlier: if that works for
// as long, those count that did not block what was tried last. ok is false without such a failure, if all this was asked before,
// and if one answer is enough or an earlier result is tested again, where the search has an order of its own.
func (p plan) intoLate() (trial Trial, ok bool) {
	if p.run.Settings.First || p.run.Settings.Known != nil {
		return Trial{}, false
	}
	if trial, ok := p.afresh(); ok {
		return trial, true
	}
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			for _, column := range p.columns(regime, fault) {
				if block, reason := p.suspectOfLate(column); !block.IsEmpty() {
					return Trial{Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: regime, Reason: reason, Hold: p.hold(regime, fault, block)}, true
				}
			}
		}
	}
	return Trial{}, false
}

// afresh asks again for what the device had run into when it failed late, if it had missed some of that in trials before, so that
// it is not known whether it had missed that too often. A control comes first in which it can reach all of it. If it fails again, it
// is known how late that is. With several lanes, each of which has missed something else, this is not done.
func (p plan) afresh() (trial Trial, ok bool) {
	if p.run.Settings.Lanes > 1 || len(p.inflight) > 0 {
		return Trial{}, false
	}
	for _, column := range p.run.Columns() {
		for _, late := range p.lateFailures(column) {
			block := late.earlier.Union(late.last)
			if late.missed.IsEmpty() || block.Intersects(p.kept) || p.tried(block, column, afreshReason) {
				continue
			}
			if wait := p.unreached(late.missed); wait > 0 {
				trial = p.control(1)
				trial.Regime, trial.Hold = column.Regime, wait
				return trial, true
			}
			return Trial{Number: p.number(), Block: p.destinations(block), Fault: column.Fault, Regime: column.Regime, Reason: afreshReason, Hold: p.hold(column.Regime, column.Fault, block)}, true
		}
	}
	return Trial{}, false
}

// unreached is for how long a control must be held in which the device reaches what it still misses of some rows; 0 if it misses
// nothing, or did not reach it in such a control.
func (p plan) unreached(rows search.Set) (wait time.Duration) {
	last := p.facts[len(p.facts)-1]
	for i := range last.stillMissing {
		if rows.Has(i) {
			wait = max(wait, min(p.clocks[i].Every, LongestPeriod))
		}
	}
	wait += wait / 8
	if last.Trial.Control() && last.Held >= wait {
		return 0
	}
	return wait
}

// suspectOfLate is what is to be blocked next to look into the failures of a column that seem to be late, and why. It is
// empty without such a failure, and if nothing else was blocked.
func (p plan) suspectOfLate(column Column) (block search.Set, reason string) {
	for _, late := range p.lateFailures(column) {
		switch {
		case late.last.IsEmpty() || late.last.Equal(late.whole):
		case !late.last.Intersects(p.kept) && !p.tried(late.last, column, ""):
			return late.last, triedLastReason
		case late.needsLast || late.earlier.IsEmpty() || late.earlier.Intersects(p.kept) || p.failed(late.earlier, column):
		case !p.tried(late.earlier, column, triedEarlierReason):
			return late.earlier, triedEarlierReason
		}
	}
	return search.Set{}, ""
}

// failed reports whether a column failed with no more blocked than a set.
func (h history) failed(set search.Set, column Column) bool {
	return slices.ContainsFunc(h.heard(column), func(f fact) bool { return !f.passed(column) && h.touchedBy(f, column).SubsetOf(set) })
}

// tried reports whether a trial that a column hears has blocked this set, or blocks it now, for a reason; "" is any.
func (p plan) tried(set search.Set, column Column, reason string) bool {
	same := func(t Trial) bool {
		return !t.Control() && column.hears(t) && p.set(t.Block).Equal(set) && (reason == "" || t.Reason == reason)
	}
	return slices.ContainsFunc(p.inflight, same) || slices.ContainsFunc(p.run.Results, func(r Result) bool { return same(r.Trial) })
}

// brief reports whether a trial passed, and was not held for long enough to count.
func (f fact) brief(column Column, late lateFailures) bool {
	return !f.Trial.Control() && f.passed(column) && f.Held < late.onset(f.whole)
}

// untold are the sets that were blocked in trials which were too brief to count.
func (h history) untold(columns []Column) (sets []search.Set) {
	for _, column := range columns {
		late := h.lateFailures(column)
		for _, f := range h.heard(column) {
			if f.brief(column, late) {
				sets = append(sets, f.whole)
			}
		}
	}
	return sets
}

// hold is how long a trial of one regime and fault is held at least that blocks a set: a little longer than
// until the latest failure, if one came late that it may share.
func (h history) hold(regime Regime, fault Fault, block search.Set) (hold time.Duration) {
	for _, column := range h.columns(regime, fault) {
		onset := min(h.lateFailures(column).onset(block), LongestPeriod)
		hold = max(hold, onset+onset/8)
	}
	return hold
}

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

// due is for how long a destination must be blocked until it was tried, or is overdue. It is 0
// if that is not known, if it is longer than a block may be held, and for what is contacted
// when the device starts, if trials start it: its periods may be those of the starts alone.
func (h history) due(k Clock) time.Duration {
	settings := h.run.Settings
	due := late(k.Every) + settings.Settle
	started := k.AtStart && slices.Contains(settings.Regimes, ColdBoot)
	if most := max(settings.Longest, settings.Horizon); k.Every == 0 || started || most > 0 && due > most {
		return 0
	}
	return due
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
		heard, late := j.heard(column.Column), j.lateFailures(column.Column)
		for i, destination := range j.universe {
			cell := column.Cells[destination]
			for _, f := range heard {
				outcome := f.Outcomes[column.Column.Scenario.Name]
				inCut := len(cell.Cuts) > 0
				if !f.whole.Has(i) || f.brief(column.Column, late) || inCut != (outcome.Answer == Fail) || inCut && !slices.Contains(cell.Trials, f.Trial.Number) {
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
