package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// Comparison is what changed from one run to a later one, as after an update of
// the firmware. Columns are the same where scenario, regime and fault are.
type Comparison struct {
	Before, After Matrix
	Columns       []Change // of the columns that both have, in the order of the later run
	Dropped       []Column // only in the earlier run
	Added         []Column // only in the later run
}

// Change is what changed in one column.
type Change struct {
	Column Column       // of the later run
	Grown  []ChangedCut // sets that break it now, and did not before
	Shrunk []ChangedCut // sets that broke it before, and do not now
	Cells  []CellChange
}

// ChangedCut is a cut that only one of two runs has.
type ChangedCut struct {
	Destinations []harness.Destination
	Trials       []int // of the run in which it is needed
	Uncertain    bool  // the other run leaves open whether it was needed there too
}

// CellChange is a destination whose verdict changed. A run that has not seen the
// destination gives "".
type CellChange struct {
	Destination harness.Destination
	Before      harness.Verdict
	After       harness.Verdict
}

// Compare finds what changed between two matrices.
func Compare(before, after Matrix) Comparison {
	c := Comparison{Before: before, After: after}
	for _, column := range after.Columns {
		old, ok := same(column, before)
		if !ok {
			c.Added = append(c.Added, column)
			continue
		}
		c.Columns = append(c.Columns, Change{
			Column: column,
			Grown:  grown(before, old, after, column),
			Shrunk: grown(after, column, before, old),
			Cells:  changed(before, old, after, column),
		})
	}
	for _, column := range before.Columns {
		if _, ok := same(column, after); !ok {
			c.Dropped = append(c.Dropped, column)
		}
	}
	return c
}

// Worse reports whether something became required: a destination, or one of a
// group, without which a column breaks now and did not break before. A group
// that only gained members makes nothing worse. What the earlier run leaves open
// may have been required before.
func (c Comparison) Worse() bool {
	return slices.ContainsFunc(c.Columns, func(change Change) bool {
		return slices.ContainsFunc(change.Grown, func(cut ChangedCut) bool { return !cut.Uncertain })
	})
}

// Open reports whether the runs leave open if something became required: the earlier
// run leaves open a need of the later one, or the later run leaves open what the
// earlier one decided or never saw.
func (c Comparison) Open() bool {
	return slices.ContainsFunc(c.Columns, func(change Change) bool {
		return slices.ContainsFunc(change.Grown, func(cut ChangedCut) bool { return cut.Uncertain }) ||
			slices.ContainsFunc(change.Cells, c.unknown)
	})
}

// unknown reports whether a changed cell is not known in the later run.
func (c Comparison) unknown(cell CellChange) bool {
	if cell.After == "" {
		return c.After.Run.Status != harness.Complete
	}
	return Cell{Verdict: cell.After}.Open() && !Cell{Verdict: cell.Before}.Open()
}

// settled reports whether both runs decide every cell of the columns that they share.
func (c Comparison) settled() bool {
	return !slices.ContainsFunc(c.Columns, func(change Change) bool { return !c.decided(change) })
}

// decided reports whether both runs are complete and decide every cell of a column.
func (c Comparison) decided(change Change) bool {
	before, _ := same(change.Column, c.Before)
	return decided(c.Before, before) && decided(c.After, change.Column)
}

func decided(m Matrix, column Column) bool {
	return m.Run.Status == harness.Complete && !slices.ContainsFunc(m.Rows, func(row Row) bool { return row.Cells[column.ID].Open() })
}

// same finds a column of another run.
func same(column Column, in Matrix) (Column, bool) {
	for _, c := range in.Columns {
		if c.Scenario == column.Scenario && c.Regime == column.Regime && c.Fault == column.Fault {
			return c, true
		}
	}
	return Column{}, false
}

// missing are the destinations of a that b has not.
func missing(a, b Matrix) []harness.Destination {
	var only []harness.Destination
	for _, row := range a.Rows {
		if _, ok := find(b, row.Destination.ID); !ok {
			only = append(only, row.Destination.ID)
		}
	}
	return only
}

func find(m Matrix, id harness.Destination) (Row, bool) {
	for _, row := range m.Rows {
		if row.Destination.ID == id {
			return row, true
		}
	}
	return Row{}, false
}

// grown are the cuts of the later matrix that broke nothing in the earlier one:
// those that no cut of the earlier one lies within.
func grown(before Matrix, old Column, after Matrix, column Column) []ChangedCut {
	var needs []ChangedCut
	for _, cut := range after.Cuts {
		if cut.Column != column.ID {
			continue
		}
		broke := slices.ContainsFunc(before.Cuts, func(c Cut) bool {
			return c.Column == old.ID && subset(c.Destinations, cut.Destinations)
		})
		if !broke {
			needs = append(needs, ChangedCut{cut.Destinations, cut.Trials, leavesOpen(before, old, cut.Destinations)})
		}
	}
	return needs
}

// leavesOpen reports whether a run does not settle what blocking these does: one of
// them is open, or the run ended before it saw it, or before it tried all of them at
// once.
func leavesOpen(m Matrix, column Column, destinations []harness.Destination) bool {
	complete, group := m.Run.Status == harness.Complete, len(destinations) > 1
	for _, id := range destinations {
		row, seen := find(m, id)
		verdict := row.Cells[column.ID].Verdict
		switch {
		case !seen && !complete, seen && row.Cells[column.ID].Open():
			return true
		case verdict == harness.Optional, verdict == harness.Degraded:
			group = false // it is in no group
		}
	}
	return group && !complete && column.Certified == "none"
}

func changed(before Matrix, old Column, after Matrix, column Column) []CellChange {
	var cells []CellChange
	for _, row := range after.Rows {
		previous, _ := find(before, row.Destination.ID)
		was, is := previous.Cells[old.ID].Verdict, row.Cells[column.ID].Verdict
		if was != is {
			cells = append(cells, CellChange{row.Destination.ID, was, is})
		}
	}
	for _, id := range missing(before, after) {
		row, _ := find(before, id)
		cells = append(cells, CellChange{id, row.Cells[old.ID].Verdict, ""})
	}
	return cells
}

// Text writes the comparison for the terminal, at most so many columns wide; 0
// is 100, and 60 the least.
func (c Comparison) Text(w io.Writer, columns int) error {
	if columns == 0 {
		columns = usualWidth
	}
	columns = max(columns, leastWidth)
	var out strings.Builder
	for i, s := range c.sections() {
		if i > 0 {
			out.WriteString("\n")
		}
		Text{Width: columns}.writeSection(&out, s)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// Markdown writes the comparison to be posted.
func (c Comparison) Markdown(w io.Writer) error {
	var out strings.Builder
	for i, s := range c.sections() {
		heading := "\n**%s**\n\n"
		if i == 0 {
			heading = "### %s\n\n"
		}
		fmt.Fprintf(&out, heading, escape(s.title))
		for _, line := range s.lines {
			fmt.Fprintf(&out, "- %s\n", escape(line))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
