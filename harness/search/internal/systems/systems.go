// Package systems makes devices out of Boolean formulas, for the tests and the
// benchmark of package search. A [System] answers trials as a device would
// that needs just what its formula says.
package systems

import (
	"math/rand/v2"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// System is a device whose scenario fails exactly when the blocked set
// contains one of the cuts.
type System struct {
	N    int          // destinations 0 … N-1
	Cuts []search.Set // minimal: none contains another
}

// Fails reports whether the scenario fails with this set blocked.
func (s System) Fails(blocked search.Set) bool {
	return slices.ContainsFunc(s.Cuts, func(cut search.Set) bool { return cut.SubsetOf(blocked) })
}

// Order is the plain order of the destinations.
func (s System) Order() []int { return search.All(s.N).Members() }

// Family describes random systems of one shape.
type Family struct {
	Name    string
	N       int
	Singles int
	Groups  []int // sizes of the groups of alternatives, which share no member
	Needed  int   // of each group; 0 stands for 1
	Apart   bool  // members of a group are spread at random, not side by side
}

// Draw makes one system of the family.
func (f Family) Draw(random *rand.Rand) System {
	free := random.Perm(f.N)
	system := System{N: f.N}
	for _, size := range f.Groups {
		group := free[:size]
		if !f.Apart {
			group = neighbours(free, size, random)
		}
		system.Cuts = append(system.Cuts, choices(group, size-max(1, f.Needed)+1)...)
		free = slices.DeleteFunc(slices.Clone(free), search.Of(group...).Has)
	}
	for _, x := range free[:f.Singles] {
		system.Cuts = append(system.Cuts, search.Of(x))
	}
	return system
}

// choices are all sets of so many of some destinations.
func choices(of []int, size int) (sets []search.Set) {
	if size == 0 {
		return []search.Set{{}}
	}
	for i, x := range of {
		for _, rest := range choices(of[i+1:], size-1) {
			sets = append(sets, rest.With(x))
		}
	}
	return sets
}

// neighbours draws a run of consecutive members of free.
func neighbours(free []int, size int, random *rand.Rand) []int {
	sorted := slices.Sorted(slices.Values(free))
	from := random.IntN(len(sorted) - size + 1)
	return sorted[from : from+size]
}

// Random makes a system of 5 to 30 destinations with up to 3 required ones and
// up to 3 groups of 2 to 5 alternatives, which may overlap.
func Random(random *rand.Rand) System { return Small(5+random.IntN(26), random) }

// Small makes a system as [Random] does, of n destinations, 1 or more.
func Small(n int, random *rand.Rand) System {
	system := System{N: n}
	singles := random.Perm(system.N)[:min(system.N, random.IntN(4))]
	for _, x := range singles {
		system.Cuts = append(system.Cuts, search.Of(x))
	}
	for range random.IntN(4) {
		if system.N < 2 {
			break
		}
		group := search.Of(random.Perm(system.N)[:2+random.IntN(min(4, system.N-1))]...)
		system.add(group)
	}
	return system
}

// add takes a cut in, unless it contains or lies inside another.
func (s *System) add(cut search.Set) {
	for _, other := range s.Cuts {
		if other.SubsetOf(cut) || cut.SubsetOf(other) {
			return
		}
	}
	s.Cuts = append(s.Cuts, cut)
}
