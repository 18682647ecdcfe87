package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// reading is a matrix prepared for a person: each column has a heading that no
// other has, and each group of alternatives a letter.
type reading struct {
	Matrix
	headings []string         // by column
	groups   []group          // in the order of the needs
	group    map[string]group // by cut id
}

// group is a set of destinations of which some are needed. Columns that need as many
// of the same set share it.
type group struct {
	letter  string
	needed  int                   // how many, 1 or more
	members []harness.Destination // sorted
}

func read(m Matrix) reading {
	m.Needs, m.Unwaited = m.needs(), m.unwaited() // a matrix of an earlier version has none
	r := reading{Matrix: m, headings: headings(m.Columns), group: map[string]group{}}
	for _, need := range m.Needs {
		if len(need.Of) > 1 {
			group := r.lettered(need)
			for _, cut := range need.Cuts {
				r.group[cut] = group
			}
		}
	}
	return r
}

// lettered finds the group of a need, or adds it under the next letter.
func (r *reading) lettered(need Need) group {
	for _, known := range r.groups {
		if known.needed == need.AtLeast && slices.Equal(known.members, need.Of) {
			return known
		}
	}
	added := group{letter(len(r.groups)), need.AtLeast, need.Of}
	r.groups = append(r.groups, added)
	return added
}

// needsOf lists what a column needs.
func (r reading) needsOf(column Column) []Need {
	return slices.DeleteFunc(slices.Clone(r.Needs), func(n Need) bool { return n.Column != column.ID })
}

// letter counts A, B … Z, AA, AB …
func letter(n int) string {
	if n < 26 {
		return string(rune('A' + n))
	}
	return letter(n/26-1) + letter(n%26)
}

// headings are the columns' titles. Where two are the same, what tells the
// columns apart is added.
func headings(columns []Column) []string {
	return each(columns, func(c Column) string {
		same := slices.DeleteFunc(slices.Clone(columns), func(o Column) bool { return title(o) != title(c) })
		if len(same) < 2 {
			return title(c)
		}
		return fmt.Sprintf("%s (%s)", title(c), distinction(c, same))
	})
}

// title is what the column's scenario is called; one without a title has a name.
func title(c Column) string { return cmp.Or(c.Title, c.Scenario) }

// distinction says in a few words which of the columns of one title this is.
func distinction(c Column, same []Column) string {
	var words []string
	if slices.ContainsFunc(same, func(o Column) bool { return o.Scenario != c.Scenario }) {
		words = append(words, c.Scenario)
	}
	if slices.ContainsFunc(same, func(o Column) bool { return o.Regime != c.Regime }) {
		words = append(words, strings.ReplaceAll(string(c.Regime), "_", " "))
	}
	if slices.ContainsFunc(same, func(o Column) bool { return o.Fault != c.Fault }) {
		words = append(words, string(c.Fault))
	}
	return strings.Join(words, ", ")
}

// phrase is a verdict as a table cell reads: "required, or your own time server (by its name)",
// "alternative: needs 1 of 5 (group A)".
func (r reading) phrase(cell Cell) string {
	if groups := r.groupsOf(cell); groups != "" {
		return fmt.Sprintf("%s: %s%s", cell.Verdict, groups, orOwn(cell.Replaceable, cell.By))
	}
	return string(cell.Verdict) + orOwn(cell.Replaceable, cell.By)
}

// groupsOf is "needs 1 of 5 (group A)", or "" where the cell is in no group.
func (r reading) groupsOf(cell Cell) string {
	var words []string
	for _, group := range r.groupsIn(cell) {
		words = append(words, fmt.Sprintf("%d of %d (group %s)", group.needed, len(group.members), group.letter))
	}
	if len(words) == 0 {
		return ""
	}
	return "needs " + enumerate(words)
}

// groupsIn lists the cell's groups; a required destination is in none.
func (r reading) groupsIn(cell Cell) []group {
	var groups []group
	for _, cut := range cell.Cuts {
		mine, ok := r.group[cut]
		if ok && cell.Verdict == harness.Alternative && !slices.ContainsFunc(groups, func(g group) bool { return g.letter == mine.letter }) {
			groups = append(groups, mine)
		}
	}
	return groups
}

// open counts the cells that are not decided, of all there are.
func (r reading) open() (open, all int) {
	for _, row := range r.Rows {
		for _, cell := range row.Cells {
			all++
			if cell.Open() {
				open++
			}
		}
	}
	return open, all
}
