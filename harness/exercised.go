package harness

import "slices"

// exercised notes which optional destinations the device tried, while they were blocked, only right after
// a restart.
func (j *judge) exercised() {
	for _, column := range j.columns {
		for i, d := range j.universe {
			cell := column.Cells[d]
			if cell.Verdict == Optional && len(cell.OnlyWhile) == 0 && j.triedOnlyAtStart(i, cell.Trials) {
				cell.OnlyAtStart = true
				cell.Why += whyOnlyAtStart
				column.Cells[d] = cell
			}
		}
	}
}

// triedOnlyAtStart reports whether the device tried row i in some trials only right after a restart, if it
// contacts that at its start and seldom otherwise. What it repeats without a longer pause belongs to the same try.
func (h history) triedOnlyAtStart(i int, trials []int) bool {
	if !h.clocks[i].AtStart {
		return false
	}
	tried := false
	for _, f := range h.facts {
		if !f.attempted.Has(i) || !slices.Contains(trials, f.Trial.Number) {
			continue
		}
		var all Contact
		for _, c := range f.Seen.Contacts {
			if h.index[c.Destination] == i {
				all = all.With(c)
			}
		}
		settle := h.run.Settings.Settle
		if !f.Restarted || all.Attempted.Sub(f.Started) >= settle || all.Quiet > seldomAfter*settle {
			return false
		}
		tried = true
	}
	return tried
}
