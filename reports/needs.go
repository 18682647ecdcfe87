package reports

import (
	"slices"

	"github.com/needwant/needwant/harness"
)

// Need is a part of what a column needs: so many of some destinations. One that is
// required by itself is 1 of 1, and a group of alternatives is 1 of several. A column
// needs all of its parts.
type Need struct {
	Column  string                `json:"column"`
	AtLeast int                   `json:"at_least"`
	Of      []harness.Destination `json:"of"`   // sorted
	Cuts    []string              `json:"cuts"` // the ids of all cuts that say so
}

// needs reads the cuts of all columns, in their order.
func (m Matrix) needs() []Need {
	all := []Need{}
	for _, column := range m.Columns {
		all = append(all, needs(slices.DeleteFunc(slices.Clone(m.Cuts), func(c Cut) bool { return c.Column != column.ID }))...)
	}
	return all
}

// needs reads the cuts of a column: if each three of four destinations are a cut, two
// of the four are needed. A cut that is not part of such a family is a need by itself.
func needs(cuts []Cut) (all []Need) {
	told := map[string]bool{}
	groups := each(cuts, func(c Cut) []harness.Destination { return c.Destinations })
	for _, cut := range cuts {
		if told[cut.ID] {
			continue
		}
		need := Need{Column: cut.Column, AtLeast: 1, Of: slices.Clone(cut.Destinations), Cuts: []string{cut.ID}}
		if members, needed := chosen(groups, cut.Destinations[0]); needed > 0 && subset(cut.Destinations, members) {
			need.AtLeast, need.Of, need.Cuts = needed, members, nil
			for _, other := range cuts {
				if len(other.Destinations) == len(cut.Destinations) && subset(other.Destinations, members) {
					need.Cuts = append(need.Cuts, other.ID)
					told[other.ID] = true
				}
			}
		}
		slices.SortFunc(need.Of, harness.Destination.Compare)
		all = append(all, need)
	}
	return all
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
