package harness

import (
	"maps"
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// A device still does without what it missed in a trial when the next one begins, if it contacts that less often than once in
// Settle, or keeps a connection to it: no recovery waits for that. So it may fail the next trial for want of both.

// miss is what a device did without when a trial began.
type miss struct {
	since time.Time // the beginning of the trial in which it missed that
	last  time.Time // its last try
}

// lastReached is when a device last reached each row since its bench was opened.
type lastReached struct {
	opened time.Time
	rows   map[int]time.Time
}

// carry notes of each trial what the device had missed when it began: what was blocked before, and was neither
// contacted since with nothing in the way nor is overdue.
func (h history) carry() {
	missing, contacts, returns := map[bench]map[int]miss{}, map[bench]lastReached{}, h.returns()
	for n := range h.facts {
		f := &h.facts[n]
		all, last := missing[f.bench()], contacts[f.bench()]
		if all == nil {
			all, last = map[int]miss{}, lastReached{f.Started, map[int]time.Time{}}
			missing[f.bench()], contacts[f.bench()] = all, last
		}
		if f.Trial.Regime == ColdBoot {
			f.reached = lastReached{last.opened, maps.Clone(last.rows)}
		}
		if f.Restarted { // a device that starts asks for all of it again
			clear(all)
		}
		maps.DeleteFunc(all, func(i int, m miss) bool { return f.Started.After(h.overdueAt(i, m, returns)) })
		f.missing = maps.Clone(all)
		for _, c := range f.Seen.Contacts {
			i := h.index[c.Destination]
			if f.attempted.Has(i) && c.Attempts > 0 && (h.clocks[i].Kept || h.clocks[i].Every > h.run.Settings.Settle) {
				m := all[i]
				all[i] = miss{earliest(m.since, f.Started), latest(m.last, c.Last)}
			}
		}
		for _, c := range slices.Concat(f.Seen.Contacts, f.Later) {
			if i := h.index[c.Destination]; h.reaches(c) {
				delete(all, i)
				last.rows[i] = latest(last.rows[i], c.Last)
			}
		}
	}
}

// reached reports whether the device began to contact something, and nothing was in the way.
func (c Contact) reached() bool { return c.Tries > 0 && c.Attempts+c.Touched == 0 }

// reaches reports whether the device contacted something, and nothing was in the way. A connection that it keeps need not be begun
// again: datagrams may go on as before.
func (h history) reaches(c Contact) bool {
	return c.reached() || h.clocks[h.index[c.Destination]].Kept && c.Answered && c.Attempts+c.Touched == 0
}

// overdueAt is when nothing is expected any more of what was missed. A kept connection is expected for as long as it ever took to be
// there again.
func (h history) overdueAt(i int, m miss, returns map[int]time.Duration) time.Time {
	if h.clocks[i].Kept {
		return m.last.Add(max(unhurried*h.run.Settings.Settle, late(returns[i])))
	}
	return m.last.Add(late(h.clocks[i].Every) + h.run.Settings.Settle)
}

// returns is how long it took the device at most, by row, to reach what it had tried without success.
func (h history) returns() map[int]time.Duration {
	longest, tried := map[int]time.Duration{}, map[bench]map[int]time.Time{}
	for _, f := range h.facts {
		last := tried[f.bench()]
		if last == nil {
			last = map[int]time.Time{}
			tried[f.bench()] = last
		}
		for _, c := range slices.Concat(f.Seen.Contacts, f.Later) {
			i := h.index[c.Destination]
			since, waits := last[i]
			switch {
			case c.Attempts > 0:
				last[i] = c.Last
			case waits && h.reaches(c):
				longest[i] = max(longest[i], c.First.Sub(since))
				delete(last, i)
			}
		}
	}
	return longest
}

// lacked is what the device did without when a column failed, since it had missed that before the trial began. It is empty if a part of
// what the device ran into is known to fail by itself.
func (h history) lacked(f fact, heard []fact, column Column) search.Set {
	lacked, touched := h.stillMissed(f, column), h.touchedBy(f, column)
	if lacked.IsEmpty() || slices.ContainsFunc(heard, func(g fact) bool {
		part := h.touchedBy(g, column).Union(h.stillMissed(g, column))
		return !g.passed(column) && !part.IsEmpty() && part.SubsetOf(touched)
	}) {
		return search.Set{}
	}
	return lacked
}

// stillMissed is what the device had missed before a trial began, and had not contacted again, soon enough to matter, when a
// column failed.
func (h history) stillMissed(f fact, column Column) (missed search.Set) {
	failed := f.Held
	if broke := f.Outcomes[column.Scenario.Name].Broke; broke != nil {
		failed = broke.After
	}
	for i := range f.missing {
		again := slices.ContainsFunc(f.Seen.Contacts, func(c Contact) bool {
			return h.index[c.Destination] == i && h.reaches(c) && c.First.Sub(f.Started)+h.run.Settings.Settle <= failed
		})
		if !again {
			missed = missed.With(i)
		}
	}
	return missed
}

// without is for how long a device had not reached a row when it was started.
func (f fact) without(i int) time.Duration {
	return f.Started.Sub(latest(f.reached.opened, f.reached.rows[i]))
}

// aged reports whether a device that was started failed, and had not reached a part of what it then tried for longer than any that
// worked without it: it may be an old token that failed, which a device that was started a little before does not have. One
// such failure proves nothing.
func (h history) aged(f fact, heard []fact, column Column) bool {
	if column.Regime != ColdBoot || f.passed(column) {
		return false
	}
	return slices.ContainsFunc(h.touchedBy(f, column).Members(), func(i int) bool {
		worked, longest := false, time.Duration(0)
		for _, g := range heard {
			if g.passed(column) && g.attempted.Has(i) {
				worked, longest = true, max(longest, g.without(i)+g.Held)
			}
		}
		return worked && f.without(i) > longest
	})
}
