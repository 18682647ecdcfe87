package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// sections say in sentences what changed, the answer first.
func (c Comparison) sections() []section {
	all := []section{c.answer()}
	headings := headings(c.After.Columns)
	for _, change := range c.Columns {
		i := slices.IndexFunc(c.After.Columns, func(column Column) bool { return column.ID == change.Column.ID })
		all = append(all, section{change.Column.ID + ": " + headings[i], change.lines(c.decided(change))})
	}
	all = append(all, c.scope())
	return slices.DeleteFunc(all, func(s section) bool { return len(s.lines) == 0 })
}

func (c Comparison) answer() section {
	verdict := "Nothing became required."
	switch {
	case len(c.Columns) == 0:
		verdict = "The runs have no column in common: there is nothing to compare."
	case c.Worse():
		verdict = "Something became required."
	case !c.settled():
		verdict = "Nothing is known to have become required, but the runs do not decide everything."
	}
	return section{verdict, []string{"Before: " + introduction(c.Before), "Now: " + introduction(c.After)}}
}

func introduction(m Matrix) string {
	r := read(m)
	text := r.subject() + "; " + r.effort() + "; " + r.state()
	if !m.Run.Started.IsZero() {
		text += m.Run.Started.Format("; begun 2006-01-02 15:04 UTC")
	}
	return text + "."
}

// lines tell the needs first, then the verdicts that are not told by them. decided says
// that both runs decide everything.
func (c Change) lines(decided bool) []string {
	var lines []string
	var told []harness.Destination
	for _, need := range c.Grown {
		lines = append(lines, c.growth(need))
		told = append(told, single(need)...)
	}
	for _, need := range c.Shrunk {
		lines = append(lines, c.shrinkage(need))
		told = append(told, single(need)...)
	}
	lines = append(lines, c.verdicts(told)...)
	switch {
	case len(lines) == 0 && decided:
		return []string{"Nothing changed."}
	case len(lines) == 0:
		return []string{"No verdict changed, but the runs do not decide everything."}
	}
	return lines
}

// single is the destination of a need that is no group.
func single(need ChangedCut) []harness.Destination {
	if len(need.Destinations) == 1 {
		return need.Destinations
	}
	return nil
}

func (c Change) growth(need ChangedCut) string {
	line := fmt.Sprintf("At least one of %s is needed now%s", called(need.Destinations...), proof(need.Trials))
	if len(need.Destinations) == 1 {
		line = fmt.Sprintf("%s is required now%s; before, it was %s", called(need.Destinations...), proof(need.Trials), orNotSeen(c.cell(need).Before))
	}
	if need.Uncertain && len(need.Destinations) > 1 {
		return line + ". The earlier run had left this open."
	}
	return line + "."
}

func (c Change) shrinkage(need ChangedCut) string {
	line := fmt.Sprintf("It is no longer so that at least one of %s is needed", called(need.Destinations...))
	if len(need.Destinations) == 1 {
		line = fmt.Sprintf("%s was required, and is now %s", called(need.Destinations...), orNotSeen(c.cell(need).After))
	}
	if need.Uncertain && len(need.Destinations) > 1 {
		return line + ", or not known yet: the later run leaves it open."
	}
	return line + "."
}

// cell is how the verdict on a need's single destination changed.
func (c Change) cell(need ChangedCut) CellChange {
	for _, cell := range c.Cells {
		if cell.Destination == need.Destinations[0] {
			return cell
		}
	}
	return CellChange{}
}

func orNotSeen(verdict harness.Verdict) string {
	return cmp.Or(string(verdict), "not seen")
}

// verdicts tells which verdicts changed, those that changed alike together.
func (c Change) verdicts(told []harness.Destination) []string {
	var changes []string
	who := map[string][]harness.Destination{}
	for _, cell := range c.Cells {
		if slices.Contains(told, cell.Destination) {
			continue
		}
		change := fmt.Sprintf("%s before, now %s", orNotSeen(cell.Before), orNotSeen(cell.After))
		if who[change] == nil {
			changes = append(changes, change)
		}
		who[change] = append(who[change], cell.Destination)
	}
	return each(changes, func(change string) string {
		return fmt.Sprintf("%s: %s.", strings.ToUpper(change[:1])+change[1:], called(who[change]...))
	})
}

// scope says what could not be compared, and what may mislead.
func (c Comparison) scope() section {
	var lines []string
	if c.Before.Device.Model != c.After.Device.Model {
		lines = append(lines, fmt.Sprintf("The runs are of different models, %s and %s.", read(c.Before).subject(), read(c.After).subject()))
	}
	for _, column := range c.Dropped {
		lines = append(lines, column.ID+" is only in the earlier run.")
	}
	for _, column := range c.Added {
		lines = append(lines, column.ID+" is only in the later run.")
	}
	for _, run := range []struct {
		name string
		m    Matrix
	}{{"earlier", c.Before}, {"later", c.After}} {
		if run.m.Run.Status != harness.Complete {
			lines = append(lines, fmt.Sprintf("The %s run is not complete: %s.", run.name, read(run.m).state()))
		}
	}
	return section{"What limits this comparison", lines}
}
