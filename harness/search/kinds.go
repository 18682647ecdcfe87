package search

import "slices"

// Alternatives for one another are mostly of one kind, as time servers are.
// Where the caller says of which kind each destination is, the planner tries
// such groups first. It only saves trials: no verdict rests on it.

// kinds are the kinds among the members of s, ascending, by the kind of each
// destination.
func kinds(by []int, s Set) []int {
	var kinds []int
	for _, x := range s.Members() {
		if x < len(by) {
			kinds = append(kinds, by[x])
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// ofKind are the destinations of any of some kinds, by the kind of each.
func (t *theory) ofKind(by, kinds []int) Set {
	var members []int
	for _, x := range t.order {
		if x < len(by) && slices.Contains(kinds, by[x]) {
			members = append(members, x)
		}
	}
	return Of(members...)
}

// kin is what is likely to be in one group, by destination.
func (t *theory) kin() []int {
	if t.Kin != nil {
		return t.Kin
	}
	return t.Services
}
