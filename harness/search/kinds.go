package search

import "slices"

// Alternatives for one another are mostly of one kind, as time servers are.
// Where the caller says of which kind each destination is, the planner tries
// such groups first. It only saves trials: no verdict rests on it.

// kinds are the kinds of service among the members of s, ascending.
func (t *theory) kinds(s Set) []int {
	var kinds []int
	for _, x := range s.Members() {
		if x < len(t.Services) {
			kinds = append(kinds, t.Services[x])
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// ofKind are the destinations of any of these kinds.
func (t *theory) ofKind(kinds []int) Set {
	var members []int
	for _, x := range t.order {
		if x < len(t.Services) && slices.Contains(kinds, t.Services[x]) {
			members = append(members, x)
		}
	}
	return Of(members...)
}
