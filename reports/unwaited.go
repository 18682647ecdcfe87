package reports

import (
	"fmt"
	"maps"
	"slices"

	"github.com/needwant/needwant/harness"
)

// Unwaited is a destination that the device contacts less often than any block of it was held,
// and did not try while it was blocked.
type Unwaited struct {
	Destination harness.Destination `json:"destination"`
	Every       float64             `json:"every_s"` // the longest known time between two contacts
	Wait        float64             `json:"wait_s"`  // for how long a block must be held until it is tried, or overdue
}

// unwaited lists them in the order of the rows.
func (m Matrix) unwaited() (rows []Unwaited) {
	for _, row := range m.Rows {
		every := row.Destination.Every
		if every > m.Run.Settle && slices.ContainsFunc(m.Columns, func(c Column) bool { return !row.Cells[c.ID].waited(every) }) {
			rows = append(rows, Unwaited{row.Destination.ID, every, harness.Overdue(every)})
		}
	}
	return rows
}

// waited reports whether the cell does not depend on a longer hold, for a destination that
// is contacted this often, in seconds.
func (c Cell) waited(every float64) bool {
	return c.Held >= every || c.Attempts > 0 || c.needed() || len(c.OnlyWhile) > 0
}

// notWaitedFor says what was not waited for, and how long it takes to wait for that.
func (r reading) notWaitedFor() []string {
	if len(r.Unwaited) == 0 {
		return nil
	}
	var rows []string
	longest := 0.0
	for _, u := range r.Unwaited {
		rows = append(rows, fmt.Sprintf("%s (up to %s apart)", called(u.Destination), lasting(u.Every)))
		longest = max(longest, u.Wait)
	}
	return []string{fmt.Sprintf("Not waited for, since no block was held for as long as the device may take to contact it: %s. A last hold of %s waits for all of it (--horizon).",
		enumerate(upTo(mostSeldom, rows)), lasting(longest))}
}

// exercisedBy is what made the device try a row while it was blocked; none if it tried it by itself in some column.
func (r Row) exercisedBy() (all []harness.Provoker) {
	for _, cell := range r.Cells {
		if len(cell.ExercisedBy) == 0 && cell.Attempts > 0 {
			return nil
		}
		all = append(all, cell.ExercisedBy...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// onlyProvoked says what the device tried, while it was blocked, only because it was provoked.
func (r reading) onlyProvoked() (lines []string) {
	rows := map[string][]string{}
	for _, row := range r.Rows {
		if by := harness.EachWords(row.exercisedBy()); by != "" {
			rows[by] = append(rows[by], called(row.Destination.ID))
		}
	}
	for _, by := range slices.Sorted(maps.Keys(rows)) {
		lines = append(lines, fmt.Sprintf("While these were blocked, the device tried them only right after %s: %s. What it does when it contacts them by itself later was not tested.",
			by, enumerate(upTo(mostSeldom, rows[by]))))
	}
	return lines
}

// hold is for how long a row must be blocked until it is tried; "" if it was.
func (r reading) hold(row Row) string {
	i := slices.IndexFunc(r.Unwaited, func(u Unwaited) bool { return u.Destination == row.Destination.ID })
	if i < 0 {
		return ""
	}
	return lasting(r.Unwaited[i].Wait)
}
