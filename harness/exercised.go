package harness

import (
	"slices"
	"time"
)

// exercised notes which optional destinations the device tried, while they were blocked, only because it was
// provoked.
func (j *judge) exercised() {
	for _, column := range j.columns {
		for i, d := range j.universe {
			cell := column.Cells[d]
			if cell.Verdict != Optional || len(cell.OnlyWhile) > 0 {
				continue
			}
			exercises := j.exercises(i, cell.Trials)
			if cell.ExercisedBy = provokersOf(exercises); len(exercises) > 0 {
				cell.Why += whyExercised(cell.ExercisedBy, exercises)
				column.Cells[d] = cell
			}
		}
	}
}

// exercise is a trial in which the device tried a destination only because it was provoked.
type exercise struct {
	by    Provoker
	trial int
	after time.Duration // from the end of the provocation to the first try, or from its beginning if that is earlier
}

// exercises are those of some trials with row i; none if the device tried it without that, too.
func (h history) exercises(i int, trials []int) (all []exercise) {
	for _, f := range h.facts {
		if !f.attempted.Has(i) || !slices.Contains(trials, f.Trial.Number) {
			continue
		}
		e := exercise{by: h.provokerOf(i, f), trial: f.Trial.Number}
		if e.by == "" {
			return nil
		}
		e.after = h.triedAfter(i, f)
		all = append(all, e)
	}
	return all
}

// provokersOf are what provoked some.
func provokersOf(exercises []exercise) (all []Provoker) {
	for _, e := range exercises {
		all = append(all, e.by)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// triedAfter is how long after the device was provoked, or restarted, it tried row i for the first time.
func (h history) triedAfter(i int, f fact) time.Duration {
	var first time.Time
	for _, c := range f.Seen.Contacts {
		if h.index[c.Destination] == i && c.Attempts > 0 && (first.IsZero() || c.Attempted.Before(first)) {
			first = c.Attempted
		}
	}
	since := f.Started
	if p := f.Provoked; p != nil {
		if since = since.Add(p.over()); first.Before(since) {
			since = f.Started.Add(p.After)
		}
	}
	return first.Sub(since)
}

// provokerOf is what made the device try row i in a trial; "" if it did that by itself.
func (h history) provokerOf(i int, f fact) Provoker {
	switch {
	case h.onlyProvoked(f).Has(i):
		return f.Provoked.By
	case h.triedOnlyAtStart(i, f):
		return ByStart
	}
	return ""
}

// triedOnlyAtStart reports whether the device tried row i in a trial only right after a restart, if it contacts that
// at its start and seldom otherwise. What it repeats without a longer pause belongs to the same try.
func (h history) triedOnlyAtStart(i int, f fact) bool {
	if !h.clocks[i].AtStart || !f.Restarted {
		return false
	}
	var all Contact
	for _, c := range f.Seen.Contacts {
		if h.index[c.Destination] == i {
			all = all.With(c)
		}
	}
	settle := h.run.Settings.Settle
	return all.Attempted.Sub(f.Started) < settle && all.Quiet <= seldomAfter*settle
}
