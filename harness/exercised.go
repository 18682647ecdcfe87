package harness

import "slices"

// exercised notes which optional destinations the device tried, while they were blocked, only because it was
// provoked.
func (j *judge) exercised() {
	for _, column := range j.columns {
		for i, d := range j.universe {
			cell := column.Cells[d]
			if cell.Verdict != Optional || len(cell.OnlyWhile) > 0 {
				continue
			}
			if cell.ExercisedBy = j.exercisedBy(i, cell.Trials); len(cell.ExercisedBy) > 0 {
				cell.Why += whyExercisedBy(cell.ExercisedBy)
				column.Cells[d] = cell
			}
		}
	}
}

// exercisedBy is what made the device try row i in some trials; none if it tried it without that, too.
func (h history) exercisedBy(i int, trials []int) (all []Provoker) {
	for _, f := range h.facts {
		if !f.attempted.Has(i) || !slices.Contains(trials, f.Trial.Number) {
			continue
		}
		by := h.provokerOf(i, f)
		if by == "" {
			return nil
		}
		all = append(all, by)
	}
	slices.Sort(all)
	return slices.Compact(all)
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
