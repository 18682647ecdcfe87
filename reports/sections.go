package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness"
)

// section is a part of what stands below the table: a title and sentences.
type section struct {
	title string
	lines []string
}

// sections say in sentences what the table cannot: the groups, what may be
// blocked together, what stayed open, and how far the verdicts go.
func (r reading) sections() []section {
	all := append(r.needs(), each(r.Outside, r.remaining)...)
	all = append(all, r.safety(), r.worse(), r.unknowns(), r.notes())
	return slices.DeleteFunc(all, func(s section) bool { return len(s.lines) == 0 })
}

// needs tells for each column what breaks it. Columns of which the same is to
// be told share a section.
func (r reading) needs() []section {
	var sections []section
	var columns [][]Column
	for _, column := range r.Columns {
		lines := r.cuts(column)
		same := slices.IndexFunc(sections, func(s section) bool { return slices.Equal(s.lines, lines) })
		if same < 0 {
			same = len(sections)
			sections = append(sections, section{lines: lines})
			columns = append(columns, nil)
		}
		columns[same] = append(columns[same], column)
		sections[same].title = together(columns[same])
	}
	return sections
}

// together names columns: "native_app, hass: Required for Native App? · Required
// for HASS?".
func together(columns []Column) string {
	var ids, titles []string
	for _, column := range columns {
		ids = append(ids, column.ID)
		if column.Title != "" && !slices.Contains(titles, column.Title) {
			titles = append(titles, column.Title)
		}
	}
	return strings.TrimSuffix(strings.Join(ids, ", ")+": "+strings.Join(titles, " · "), ": ")
}

func (r reading) cuts(column Column) []string {
	lines := each(r.needsOf(column), r.need)
	if len(lines) == 0 {
		lines = []string{r.noCuts(column)}
	}
	return append(lines, r.certification(column))
}

func (r reading) need(need Need) string {
	proof := proof(r.trialsOf(need))
	if len(need.Of) == 1 {
		return called(need.Of...) + " is required" + proof + r.replacing(need) + "."
	}
	verb := "is"
	if need.AtLeast > 1 {
		verb = "are"
	}
	return fmt.Sprintf("Group %s: at least %s of %s %s needed%s%s.", r.group[need.Cuts[0]].letter, number(need.AtLeast), called(need.Of...), verb, proof, r.replacing(need))
}

// trialsOf are the trials that prove the cuts of a need, sorted.
func (r reading) trialsOf(need Need) (trials []int) {
	for _, cut := range r.Cuts {
		if slices.Contains(need.Cuts, cut.ID) {
			trials = append(trials, cut.Trials...)
		}
	}
	slices.Sort(trials)
	return slices.Compact(trials)
}

// noCuts keeps "nothing is needed" for columns of which that is proved.
func (r reading) noCuts(column Column) string {
	for _, row := range r.Rows {
		if row.Cells[column.ID].Open() {
			return "Nothing that is needed was found so far."
		}
	}
	if len(r.Rows) == 0 {
		return "Nothing was judged."
	}
	return "Nothing that was seen is needed."
}

func proof(trials []int) string {
	if len(trials) == 0 {
		return ""
	}
	return " (" + inTrials(trials) + ")"
}

// certification says how much more there may be to a column than its cuts.
func (r reading) certification(column Column) string {
	open := 0
	for _, row := range r.Rows {
		if row.Cells[column.ID].Open() {
			open++
		}
	}
	rest := "."
	if open > 0 {
		rest = fmt.Sprintf(". Nothing is proved of %s that stayed open.", count(open, "destination"))
	}
	if column.Certified == "exact" && open > 0 {
		return "Certified exact for what the device tried, if blocking more never repairs the device" + rest
	}
	if column.Certified == "exact" {
		return "Certified exact: if blocking more never repairs the device, no other cut exists."
	}
	if column.Certified == harness.Rechecked {
		return "Rechecked: each cut listed here was tested again. That there is no other cut rests on the earlier run" + rest
	}
	if order, ok := strings.CutPrefix(column.Certified, "order "); ok {
		if t, err := strconv.Atoi(order); err == nil {
			return fmt.Sprintf("Certified to order %d: any cut not listed here contains at least %d of the listed alternatives", t, t+1) + rest
		}
	}
	return "Not certified: there may be more to it than is listed here."
}

// safety lists what can be blocked.
func (r reading) safety() section {
	return section{"Safe to block, all at once", each(r.distinctSafe(), r.safe)}
}

// distinctSafe are the safe lists without those that another one implies.
func (r reading) distinctSafe() []Safe {
	var some []Safe
	for i, safe := range r.Safe {
		later := slices.ContainsFunc(r.Safe[i+1:], func(o Safe) bool {
			return slices.Equal(o.Destinations, safe.Destinations) && subset(safe.Columns, o.Columns)
		})
		if !later {
			some = append(some, safe)
		}
	}
	return some
}

func subset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(s T) bool { return !slices.Contains(all, s) })
}

func (r reading) safe(safe Safe) string {
	columns := enumerate(safe.Columns)
	if len(safe.Columns) > 1 {
		columns += " together"
	}
	what := called(safe.Destinations...)
	switch len(safe.Destinations) {
	case 0:
		return columns + ": nothing."
	case len(r.Rows):
		what = "everything that was seen"
	}
	how := "no single trial blocked all of it"
	if safe.Trial != 0 {
		how = inTrials([]int{safe.Trial})
	}
	return fmt.Sprintf("%s: %s (%s).", columns, what, how)
}

// worse tells of every cell that is degraded.
func (r reading) worse() section {
	return section{"Works, but worse", r.each(func(_ string, _ Row, cell Cell) bool { return cell.Verdict == harness.Degraded })}
}

// unknowns are the run's own, and every cell that is open and of which they say
// nothing.
func (r reading) unknowns() section {
	s := section{title: "Still unknown"}
	for _, unknown := range r.Unknown {
		line := unknown.Column + ": " + strings.TrimSuffix(unknown.Why, ".")
		if len(unknown.Destinations) > 0 {
			line += ": " + called(unknown.Destinations...)
		}
		s.lines = append(s.lines, line+".")
	}
	s.lines = append(s.lines, r.each(func(column string, row Row, cell Cell) bool {
		return cell.Open() && !r.told(column, row.Destination.ID)
	})...)
	return s
}

// each tells of some cells, those with the same verdict and reason together.
func (r reading) each(concerns func(column string, row Row, cell Cell) bool) []string {
	type reason struct {
		columns string
		verdict harness.Verdict
		why     string
	}
	var reasons []reason
	destinations := map[reason][]harness.Destination{}
	for _, row := range r.Rows {
		var found []reason
		columns := map[reason][]string{} // of cells alike except for their column
		for _, column := range r.Columns {
			cell := row.Cells[column.ID]
			if !concerns(column.ID, row, cell) {
				continue
			}
			alike := reason{verdict: cell.Verdict, why: cell.Why}
			if columns[alike] == nil {
				found = append(found, alike)
			}
			columns[alike] = append(columns[alike], column.ID)
		}
		for _, alike := range found {
			alike.columns = enumerate(columns[alike])
			if destinations[alike] == nil {
				reasons = append(reasons, alike)
			}
			destinations[alike] = append(destinations[alike], row.Destination.ID)
		}
	}
	return each(reasons, func(r reason) string {
		return strings.TrimSpace(fmt.Sprintf("%s: %s: %s. %s", r.columns, r.verdict, called(destinations[r]...), r.why))
	})
}

// told reports whether the run itself says why the cell is open.
func (r reading) told(column string, destination harness.Destination) bool {
	return slices.ContainsFunc(r.Unknown, func(u Unknown) bool {
		return u.Column == column && slices.Contains(u.Destinations, destination)
	})
}
