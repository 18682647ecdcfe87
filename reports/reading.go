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
	groups   []group          // in the order of the cuts
	group    map[string]group // by cut id
}

// group is a set of destinations of which at least one is needed. Columns that
// need the same set share it.
type group struct {
	letter  string
	members []harness.Destination // sorted
}

func read(m Matrix) reading {
	r := reading{Matrix: m, headings: headings(m.Columns), group: map[string]group{}}
	for _, cut := range m.Cuts {
		if len(cut.Destinations) > 1 {
			r.group[cut.ID] = r.lettered(cut.Destinations)
		}
	}
	return r
}

// lettered finds the group of these members, or adds it under the next letter.
func (r *reading) lettered(members []harness.Destination) group {
	members = slices.SortedFunc(slices.Values(members), harness.Destination.Compare)
	for _, known := range r.groups {
		if slices.Equal(known.members, members) {
			return known
		}
	}
	added := group{letter(len(r.groups)), members}
	r.groups = append(r.groups, added)
	return added
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

// phrase is a verdict as a table cell reads: "required", "alternative: needs 1
// of 5 (group A)".
func (r reading) phrase(cell Cell) string {
	if groups := r.groupsOf(cell); groups != "" {
		return fmt.Sprintf("%s: %s", cell.Verdict, groups)
	}
	return string(cell.Verdict)
}

// groupsOf is "needs 1 of 5 (group A)", or "" where the cell is in no group.
func (r reading) groupsOf(cell Cell) string {
	var words []string
	for _, group := range r.groupsIn(cell) {
		words = append(words, fmt.Sprintf("1 of %d (group %s)", len(group.members), group.letter))
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
		if group, ok := r.group[cut]; ok && cell.Verdict == harness.Alternative {
			groups = append(groups, group)
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

// Needed says of a member of some groups of alternatives how many of them are
// needed, and of how many: of a group by itself 1, and 2 of 4 if each three of four
// are a group. It returns 0, 0 if the groups do not say so simply.
func Needed[T comparable](groups [][]T, member T) (needed, of int) {
	members, needed := chosen(groups, member)
	if needed == 0 {
		return 0, 0
	}
	return needed, len(members)
}

// chosen returns the members of all groups that hang together with a member, and how
// many of them are needed; 0 if no number says so.
func chosen[T comparable](groups [][]T, member T) (members []T, needed int) {
	var family [][]T
	members = []T{member}
	for grown := true; grown; {
		grown = false
		for _, group := range minimal(groups) {
			known := slices.ContainsFunc(family, func(f []T) bool { return subset(f, group) && subset(group, f) })
			if known || !slices.ContainsFunc(group, func(m T) bool { return slices.Contains(members, m) }) {
				continue
			}
			family, grown = append(family, group), true
			for _, m := range group {
				if !slices.Contains(members, m) {
					members = append(members, m)
				}
			}
		}
	}
	if len(family) == 0 || len(family) != choices(len(members), len(family[0])) {
		return members, 0
	}
	for _, group := range family {
		if len(group) != len(family[0]) {
			return members, 0
		}
	}
	return members, len(members) - len(family[0]) + 1
}

// minimal are the groups that no other one lies within.
func minimal[T comparable](groups [][]T) [][]T {
	return slices.DeleteFunc(slices.Clone(groups), func(group []T) bool {
		return slices.ContainsFunc(groups, func(other []T) bool { return len(other) < len(group) && subset(other, group) })
	})
}

// choices is in how many ways k of n can be chosen, or more than a million.
func choices(n, k int) int {
	ways := 1
	for i := range min(k, n-k) {
		if ways = ways * (n - i) / (i + 1); ways > 1_000_000 {
			break
		}
	}
	return ways
}
