package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// What a device contacts seldom is decided last, and all of it at once: a trial that blocks it
// lasts until the device has tried it. So the search is told how long that takes, unless answers may
// be wrong or an earlier result is tested again, where it has an order of its own.

// periodic reports whether a block is held until the device has contacted what it contacts seldom,
// since it is known how often.
func (h history) periodic(k Clock) bool { return h.due(k) > 0 && h.wait(k) > 0 }

// once reports whether it is not known whether there will be another contact.
func (k Clock) once() bool { return k.Every == 0 && !k.Last.IsZero() }

// wait is how long the device is waited for that contacts something seldom, as long as a block
// may be held; 0 if it contacts it often.
func (h history) wait(k Clock) time.Duration {
	wait := k.Every
	if k.once() {
		wait = k.Silence
	}
	if most := h.run.Settings.Longest; most > 0 {
		wait = min(wait, most)
	}
	if wait <= unhurried*h.run.Settings.Settle {
		return 0
	}
	return wait
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

// seldom is how long the device may take to contact all of a set that it contacts seldom, as long
// as a block may be held; 0 if it contacts all of it often.
func (h history) seldom(set search.Set) (wait time.Duration) {
	for _, i := range set.Members() {
		wait = max(wait, h.wait(h.clocks[i]))
	}
	return wait
}

// once are the members of a set that were contacted once, and so are waited for once.
func (h history) once(set search.Set) (once search.Set) {
	for _, i := range set.Members() {
		if h.clocks[i].once() {
			once = once.With(i)
		}
	}
	return once
}

// waitedOnce are the destinations that were contacted once and have been waited for.
func (h history) waitedOnce() (waited search.Set) {
	for _, f := range h.facts {
		if !f.Trial.Control() && f.Held > unhurried*h.run.Settings.Settle {
			waited = waited.Union(h.once(f.whole))
		}
	}
	return waited
}

// expected is how long to wait for a first try: for a destination that is contacted seldom
// until it is overdue, and for one that was seen once until it has been silent for longer
// than ever before. What was tried only after a while in an earlier trial may take as long again, for example since the
// device uses the last DNS answer. The trial may say for how long it is waited for at least.
func (b *Bench) expected(destination Destination, trial Trial) time.Duration {
	patience := b.patience(trial.Fault)
	known, here := b.clock.of(destination, b.Periods[destination]), destinationIn{destination, trial.Regime}
	wait := max(late(known.Every), late(b.took[here]))
	if known.Every == 0 && !known.Last.IsZero() && b.waited[here] == 0 {
		wait = known.Silence
	}
	if trial.Fault.ByName() {
		wait += b.Timing.Memory
	}
	return max(patience, min(wait, b.Timing.Longest), trial.Awaited[destination])
}

// plansBySilence reports whether the search plans by how long what is contacted seldom is waited for.
func (s Settings) plansBySilence() bool { return s.MaxNoise == 0 && s.Known == nil && s.Only == nil }

// holdsOfRows is how long each row is waited for, in seconds; nil if none is, and if the search
// does not plan by it.
func (h history) holdsOfRows() []float64 {
	if !h.run.Settings.plansBySilence() {
		return nil
	}
	holds, periodic := make([]float64, len(h.universe)), false
	for i, k := range h.clocks {
		periodic = periodic || h.periodic(k)
		if h.periodic(k) || k.once() {
			holds[i] = h.wait(k).Seconds()
		}
	}
	if !periodic {
		return nil
	}
	return holds
}

// missTries is in how many passes a row may be missed, before a trial that blocks it waits until the
// device should have tried it.
const missTries = 2

// miss notes of each trial what is contacted seldom and was not tried while it was blocked, nor
// blocked until it was overdue: a pass says nothing of it. How often it is contacted may have
// become known only later. The same holds of what was blocked for less time than the device took to try it in another
// trial, or was reached all the same. The search asks again then.
func (h *history) miss() {
	h.took, h.around, h.misses = h.firstTries(), h.wentAround(), map[rowIn]int{}
	for n := range h.facts {
		f := &h.facts[n]
		f.missed = search.Set{}
		if !f.usable || f.Trial.Control() {
			continue
		}
		for _, i := range f.whole.Minus(f.attempted).Members() {
			if f.Held < h.longEnough(i, f.Trial.Regime) {
				h.misses[rowIn{i, f.Trial.Regime}]++
				f.missed = f.missed.With(i)
			}
		}
	}
}

// awaited are those of a set that were missed often in a regime, and for how long each is waited for: a little longer than is
// enough, since the device may be somewhat late the next time.
func (h history) awaited(set search.Set, regime Regime) map[Destination]time.Duration {
	awaited := map[Destination]time.Duration{}
	for _, i := range set.Members() {
		if h.misses[rowIn{i, regime}] >= missTries {
			wait := h.longEnough(i, regime) + h.run.Settings.Settle
			awaited[h.universe[i]] = wait + wait/8
		}
	}
	return awaited
}

// longEnough is for how long a row must be blocked so that a pass says something of it though the device did not try it.
func (h history) longEnough(i int, regime Regime) time.Duration {
	took := max(h.took[rowIn{i, regime}], min(2*h.around[rowIn{i, regime}], h.run.Settings.Longest))
	if h.holds != nil && h.periodic(h.clocks[i]) {
		return max(took, h.due(h.clocks[i]))
	}
	return took
}

// firstTries is how long the device took at most, by row, to try what was blocked and it was left alone. It does so at other
// times when it has just started.
func (h history) firstTries() map[rowIn]time.Duration {
	took := map[rowIn]time.Duration{}
	for _, f := range h.facts {
		for _, c := range f.byItself() {
			if c.Attempts > 0 && !c.Attempted.IsZero() {
				row := rowIn{h.index[c.Destination], f.Trial.Regime}
				took[row] = max(took[row], c.Attempted.Sub(f.Started))
			}
		}
	}
	return took
}

// wentAround is for how long, at most, a row was blocked and reached all the same: where only names are blocked, the device
// uses the last answer for a time that nobody knows.
func (h history) wentAround() map[rowIn]time.Duration {
	around := map[rowIn]time.Duration{}
	for _, f := range h.facts {
		for _, c := range f.Seen.Contacts {
			if i := h.index[c.Destination]; f.whole.Has(i) && c.Answered && c.Attempts+c.Touched == 0 {
				row := rowIn{i, f.Trial.Regime}
				around[row] = max(around[row], f.Held)
			}
		}
	}
	return around
}

// rowIn is a row in a regime.
type rowIn struct {
	row    int
	regime Regime
}
