package reports

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// Recheck says which earlier matrix a run tested again, and what is different now.
type Recheck struct {
	Source   string    `json:"source"` // the name of the file that the earlier matrix was read from, without its folder
	Run      string    `json:"run"`    // the id of the earlier run
	Started  time.Time `json:"started,omitzero"`
	Trials   int       `json:"trials"` // of the earlier run
	Firmware string    `json:"firmware,omitempty"`
	Catalog  bool      `json:"catalog,omitempty"` // it is of another device of the model: the run began from a catalog's entry
	Whole    bool      `json:"whole,omitempty"`   // everything was to be proved again; otherwise some of it rests on the earlier run

	Worse   bool                  `json:"worse,omitempty"`  // something became required
	Open    bool                  `json:"open,omitempty"`   // not all of it could be tested again
	Changed []string              `json:"changed"`          // in sentences; none if nothing changed
	Unseen  []harness.Destination `json:"unseen,omitempty"` // that the device did not contact this time, and that were not needed
}

// Known makes a hypothesis of a matrix, which was read from the source. A column that is not
// decided is left out: it is searched. The error says that there is nothing else.
func (m Matrix) Known(source string) (*harness.Known, error) {
	k := &harness.Known{Source: source, Run: m.Run.ID, Started: m.Run.Started, Trials: m.Run.Trials, Firmware: m.Device.Firmware}
	k.Periods = map[harness.Destination]time.Duration{}
	for _, row := range m.Rows {
		if every := row.Destination.Every; every > 0 && every < harness.LongestPeriod.Seconds() {
			k.Periods[row.Destination.ID] = time.Duration(every * float64(time.Second))
		}
	}
	for _, c := range m.Columns {
		if slices.ContainsFunc(m.Rows, func(row Row) bool { return row.Cells[c.ID].Verdict == harness.Undecided }) {
			continue
		}
		known := harness.KnownColumn{Scenario: c.Scenario, Regime: c.Regime, Fault: c.Fault, Verdicts: map[harness.Destination]harness.Verdict{}, Fallbacks: map[harness.Destination][][]harness.Destination{}}
		for _, cut := range m.Cuts {
			if cut.Column == c.ID {
				known.Cuts = append(known.Cuts, cut.Destinations)
			}
		}
		for _, row := range m.Rows {
			cell := row.Cells[c.ID]
			known.Verdicts[row.Destination.ID] = cell.Verdict
			for _, cut := range m.Cuts {
				if slices.Contains(cell.OnlyWhile, cut.ID) {
					known.Fallbacks[row.Destination.ID] = append(known.Fallbacks[row.Destination.ID], cut.Destinations)
				}
			}
		}
		k.Columns = append(k.Columns, known)
	}
	if len(k.Columns) == 0 || !m.Decides() {
		return nil, fmt.Errorf("%s decides no scenario, so there is nothing to test again: run needwant bisect instead", source)
	}
	return k, nil
}

// earlier is the matrix that a hypothesis came from, as far as it is known: with the
// columns that the later matrix has, too.
func earlier(k harness.Known, later Matrix) Matrix {
	m := Matrix{Device: later.Device, Run: Run{ID: k.Run, Started: k.Started, Trials: k.Trials, Status: harness.Complete}}
	rows := map[harness.Destination]Row{}
	for _, c := range later.Columns {
		i := slices.IndexFunc(k.Columns, func(o harness.KnownColumn) bool {
			return o.Scenario == c.Scenario && o.Regime == c.Regime && o.Fault == c.Fault
		})
		if i < 0 {
			continue
		}
		m.Columns = append(m.Columns, c)
		for _, cut := range k.Columns[i].Cuts {
			m.Cuts = append(m.Cuts, Cut{ID: fmt.Sprintf("c%d", len(m.Cuts)+1), Column: c.ID, Destinations: cut})
		}
		for d, verdict := range k.Columns[i].Verdicts {
			row := rows[d]
			if row.Cells == nil {
				row = Row{Destination{ID: d}, map[string]Cell{}}
			}
			row.Cells[c.ID] = Cell{Verdict: verdict}
			rows[d] = row
		}
	}
	for _, row := range rows {
		m.Rows = append(m.Rows, row)
	}
	slices.SortFunc(m.Rows, func(a, b Row) int { return a.Destination.ID.Compare(b.Destination.ID) })
	return m
}

// recheck compares a matrix with the earlier one that its run tested again.
func recheck(k harness.Known, m Matrix) *Recheck {
	r := &Recheck{Source: filepath.Base(k.Source), Run: k.Run, Started: k.Started.UTC().Truncate(time.Millisecond), Trials: k.Trials, Firmware: k.Firmware, Catalog: k.Catalog, Whole: k.Whole, Changed: []string{}}
	comparison := Compare(earlier(k, m), m)
	r.Worse = comparison.Worse() && !k.Catalog // nothing became required on this device
	for _, change := range comparison.Columns {
		change.Cells = slices.DeleteFunc(change.Cells, func(cell CellChange) bool {
			open := cell.After == harness.Undecided || m.Run.Status != harness.Complete && cell.After == harness.NotExercised
			gone := cell.After == "" && cell.Before != harness.Required && cell.Before != harness.Alternative
			if gone && !slices.Contains(r.Unseen, cell.Destination) {
				r.Unseen = append(r.Unseen, cell.Destination)
			}
			r.Open = r.Open || open
			return open || gone
		})
		change.Shrunk = slices.DeleteFunc(change.Shrunk, func(cut ChangedCut) bool { return cut.Uncertain })
		if len(change.Grown)+len(change.Shrunk)+len(change.Cells) == 0 {
			continue
		}
		for _, line := range change.lines(true) {
			r.Changed = append(r.Changed, change.Column.ID+": "+line)
		}
	}
	return r
}

// of names the earlier matrix: "s50.run of 2026-11-02".
func (r Recheck) of() string {
	return harness.Known{Source: r.Source, Started: r.Started, Catalog: r.Catalog}.String()
}

// rechecked says in one sentence what changed since the earlier matrix; "" if the run
// tested none.
func (r reading) rechecked() string {
	again := r.Run.Recheck
	if again == nil {
		return ""
	}
	of := again.of()
	if again.Firmware != "" && again.Firmware != r.Device.Firmware {
		of += ", firmware " + again.Firmware
	}
	if again.Catalog {
		return r.compared(of)
	}
	switch {
	case len(again.Changed) > 0:
		return fmt.Sprintf("Changed since %s: %s", of, strings.Join(again.Changed, " "))
	case r.Run.Status != harness.Complete:
		return fmt.Sprintf("The recheck of %s is not over; no change was found so far.", of)
	case again.Open:
		return fmt.Sprintf("No change was found since %s, but not all of it could be tested again.", of)
	}
	return fmt.Sprintf("Nothing changed since %s.", of)
}

// compared says in one sentence how the device differs from that of a catalog's entry.
func (r reading) compared(entry string) string {
	switch again := r.Run.Recheck; {
	case len(again.Changed) > 0:
		return fmt.Sprintf("Differs from %s: %s", entry, strings.Join(again.Changed, " "))
	case r.Run.Status != harness.Complete:
		return fmt.Sprintf("The test of %s is not over; no difference was found so far.", entry)
	case again.Open:
		return fmt.Sprintf("No difference from %s was found, but not all of it could be tested.", entry)
	}
	return fmt.Sprintf("Nothing differs from %s.", entry)
}

// believed says what the verdicts of a recheck rest on.
func (r reading) believed() []string {
	again := r.Run.Recheck
	if again == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("Rechecked from %s (%s) in %s: each need was tested again, and so was the safe list.", again.of(), count(again.Trials, "trial"), count(r.Run.Trials, "trial"))}
	more := "Not tested again, and taken from there: that any one member of a group of three or more is enough, and that no other set is needed. needwant recheck --exact proves that again, too."
	if again.Catalog {
		lines[0] = fmt.Sprintf("Began from %s (another device, %s), in %s: each need was tested on this device, and so was the safe list.", again.of(), count(again.Trials, "trial"), count(r.Run.Trials, "trial"))
		more = "Not tested on this device, and taken from there: that any one member of a group of three or more is enough, and that no other set is needed. needwant bisect --order exact proves that, too."
	}
	if !again.Whole {
		lines = append(lines, more)
	}
	if len(again.Unseen) > 0 {
		lines = append(lines, fmt.Sprintf("Not contacted this time, so not in the table: %s.", called(again.Unseen...)))
	}
	return lines
}
