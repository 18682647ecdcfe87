package harness

import (
	"time"
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

// missTries is how many passes may say nothing of a row, so that no question is asked for ever.
const missTries = 2

// miss notes of each trial what is contacted seldom and was not tried while it was blocked, nor
// blocked until it was overdue: a pass says nothing of it. How often it is contacted may have
// become known only later. The same holds of what was blocked for less time than the device took to try it in another
// trial. The search asks again then.
func (h history) miss() {
	took := h.firstTries()
	misses := make([]int, len(h.universe))
	for n := range h.facts {
		f := &h.facts[n]
		if !f.usable || f.Trial.Control() {
			continue
		}
		for _, i := range f.whole.Minus(f.attempted).Members() {
			early := h.holds != nil && h.periodic(h.clocks[i]) && f.Held < h.due(h.clocks[i])
			if (early || f.Held < took[i]) && misses[i] < missTries {
				misses[i]++
				f.missed = f.missed.With(i)
			}
		}
	}
}

// firstTries is how long the device took at most, by row, to try what was blocked.
func (h history) firstTries() []time.Duration {
	took := make([]time.Duration, len(h.universe))
	for _, f := range h.facts {
		for _, c := range f.Seen.Contacts {
			if c.Attempts > 0 && !c.Attempted.IsZero() {
				i := h.index[c.Destination]
				took[i] = max(took[i], c.Attempted.Sub(f.Started))
			}
		}
	}
	return took
}
