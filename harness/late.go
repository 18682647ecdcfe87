package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

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
	news, before, carried := h.triedLast(f, heard, column)
	harmless := carried > 0 && slices.ContainsFunc(heard, func(f fact) bool { return f.passed(column) && news.SubsetOf(f.attempted) })
	switch {
	case broke.Worked == 0 && carried == 0:
		return 0
	case !news.IsEmpty() && !harmless && (broke.Worked == 0 || !before || broke.After <= unhurried*h.run.Settings.Settle):
		return 0
	}
	return min(broke.After, LongestPeriod) + min(carried, unhurried*h.longestPeriod())
}

// triedLast are, of a trial in which a column failed, the rows that the device tried for the first time
// after the scenario had worked for the last time. before reports whether it had run into others by
// then; carried is for how long, before the trial began, it had missed some of them and worked.
func (h history) triedLast(f fact, heard []fact, column Column) (news search.Set, before bool, carried time.Duration) {
	broke := f.Outcomes[column.Scenario.Name].Broke
	worked, failed := f.Started.Add(broke.Worked), f.Started.Add(broke.After)
	for _, c := range f.Seen.Contacts {
		if c.Touched+c.Attempts == 0 || c.Attempted.After(failed) {
			continue
		}
		i := h.index[c.Destination]
		miss, missed := f.missing[i]
		switch first := c.Attempted.After(worked); {
		case missed && h.survived(i, miss.since, f, heard, column):
			carried, before = max(carried, f.Started.Sub(miss.since)), before || !first
		case first:
			news = news.With(i)
		default:
			before = true
		}
	}
	return news, before, carried
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

// lateFailure is by when a failure of a column has come, at the latest, if one came late; else 0. A
// trial that passed and was held for less says nothing of what happens then, whatever it blocked.
func (h history) lateFailure(column Column) (onset time.Duration) {
	heard := h.heard(column)
	for _, f := range heard {
		if after := h.late(f, heard, column); after > 0 && !h.explained(f, heard, column) {
			onset = max(onset, after+h.phase(f, column, after))
		}
	}
	return onset
}

// phase is for how much longer a trial like one that failed late may go well: by how long after its
// beginning the device first tries what it misses then.
func (h history) phase(f fact, column Column, after time.Duration) (phase time.Duration) {
	for _, i := range h.touchedBy(f, column).Members() {
		phase = max(phase, min(h.clocks[i].Every, after))
	}
	return phase
}

// explained reports whether a part of what the device had run into when a column failed is known
// to fail it as soon as it is tried: it failed so, and never worked once all of it was tried.
func (h history) explained(late fact, heard []fact, column Column) bool {
	touched := h.touchedBy(late, column)
	return slices.ContainsFunc(heard, func(f fact) bool {
		part := h.touchedBy(f, column)
		atOnce := f.Outcomes[column.Scenario.Name].Answer == Fail && h.late(f, heard, column) == 0
		return atOnce && !part.IsEmpty() && part.SubsetOf(touched) && !h.disputed(part, heard, column)
	})
}

// disputed reports whether a column worked in a trial in which the device tried all of a set. So a failure at once with that set
// was no rule.
func (h history) disputed(set search.Set, heard []fact, column Column) bool {
	return slices.ContainsFunc(heard, func(f fact) bool { return f.passed(column) && set.SubsetOf(f.attempted) })
}

// triedLastReason is that of a trial which blocks alone what the device tried for the first time just
// before a failure that seems to be late.
const triedLastReason = "tried last"

// alone asks, after a failure that seems to be late, for what the device tried for the first time just
// before it. If that fails by itself, the failure was not late, and all the trials that were held for
// less count. ok is false without such a failure, if that was asked before, and if one answer is enough or an
// earlier result is tested again, where the search has an order of its own.
func (p plan) alone() (trial Trial, ok bool) {
	if p.run.Settings.First || p.run.Settings.Known != nil {
		return Trial{}, false
	}
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			for _, column := range p.columns(regime, fault) {
				if block := p.suspectOfLate(column); !block.IsEmpty() && !p.tried(block, column) {
					return Trial{Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: regime, Reason: triedLastReason, Hold: p.hold(regime, fault)}, true
				}
			}
		}
	}
	return Trial{}, false
}

// suspectOfLate is what the device tried last before a failure of a column that seems to be late. It is
// empty without such a failure, and if nothing else was blocked.
func (h history) suspectOfLate(column Column) search.Set {
	heard := h.heard(column)
	for _, f := range heard {
		if h.late(f, heard, column) > 0 && !h.explained(f, heard, column) {
			if news, _, _ := h.triedLast(f, heard, column); !news.Intersects(h.kept) && !news.Equal(f.whole) {
				return news
			}
		}
	}
	return search.Set{}
}

// tried reports whether a trial that a column hears has blocked this set, or blocks it now.
func (p plan) tried(set search.Set, column Column) bool {
	same := func(t Trial) bool { return !t.Control() && column.hears(t) && p.set(t.Block).Equal(set) }
	return slices.ContainsFunc(p.inflight, same) || slices.ContainsFunc(p.run.Results, func(r Result) bool { return same(r.Trial) })
}

// brief reports whether a trial passed, and was not held for long enough to count.
func (f fact) brief(column Column, onset time.Duration) bool {
	return !f.Trial.Control() && f.passed(column) && f.Held < onset
}

// untold are the sets that were blocked in trials which were too brief to count.
func (h history) untold(columns []Column) (sets []search.Set) {
	for _, column := range columns {
		onset := h.lateFailure(column)
		for _, f := range h.heard(column) {
			if f.brief(column, onset) {
				sets = append(sets, f.whole)
			}
		}
	}
	return sets
}

// hold is how long a trial of one regime and fault is held at least: a little longer than
// until the latest failure, if one came late.
func (h history) hold(regime Regime, fault Fault) (hold time.Duration) {
	for _, column := range h.columns(regime, fault) {
		onset := min(h.lateFailure(column), LongestPeriod)
		hold = max(hold, onset+onset/8)
	}
	return hold
}
