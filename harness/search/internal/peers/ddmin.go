package peers

import (
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// DeltaDebug looks for a smallest list of destinations to allow, by Zeller's
// ddmin (2002), and calls its members required.
func DeltaDebug(n int, fails func(search.Set) bool) []search.Set {
	all := search.All(n)
	if !fails(all) {
		return nil
	}
	works := func(allowed []int) bool { return !fails(all.Without(allowed...)) }
	return singles(search.Of(ddmin(works, all.Members())...))
}

// ddmin is a part of list that works while it works without none of its
// members.
func ddmin(works func([]int) bool, list []int) []int {
	parts := 2
	for len(list) >= 2 {
		smaller, kind := reduce(works, list, split(list, parts))
		switch {
		case kind == subset:
			list, parts = smaller, 2
		case kind == complement:
			list, parts = smaller, max(parts-1, 2)
		case parts < len(list):
			parts = min(2*parts, len(list))
		default:
			return list
		}
	}
	return list
}

const (
	subset     = "subset"
	complement = "complement"
)

// reduce tries each part, then all but each part.
func reduce(works func([]int) bool, list []int, parts [][]int) (smaller []int, kind string) {
	for _, part := range parts {
		if works(part) {
			return part, subset
		}
	}
	for _, part := range parts {
		rest := slices.DeleteFunc(slices.Clone(list), func(x int) bool { return slices.Contains(part, x) })
		if len(parts) > 2 && works(rest) {
			return rest, complement
		}
	}
	return nil, ""
}

// split cuts a list into parts of nearly the same size.
func split(list []int, parts int) [][]int {
	var out [][]int
	for i := range parts {
		out = append(out, list[i*len(list)/parts:(i+1)*len(list)/parts])
	}
	return out
}
