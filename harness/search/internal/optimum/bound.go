package optimum

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// class is all devices that differ by the names of their destinations only.
type class struct {
	chance float64 // of all of them
	many   float64 // how many they are
	proofs float64 // that each of them takes: its cuts, and the maximal sets that pass
	needs  bool    // anything
	whole  bool    // the cut is all destinations
}

// Bound is a number of trials that no search has a smaller mean than, for so many destinations, and
// the same for a search whose first trial blocks everything. It holds for more destinations than
// [Prior.Optimum] can be worked out for, and is lower than that.
//
// Each device is told from all others, so that the numbers of trials d of all devices together satisfy
// Kraft's inequality: the sum of 2^-d is 1 at most. And each takes as many trials as it takes proofs.
func Bound(n, draws int, draw func(*rand.Rand) systems.System) (bound, afterAll float64) {
	classes := sampledClasses(n, draws, draw)
	bound = shortest(classes)
	var rest []class
	nothing := 0.0
	for _, c := range classes {
		if !c.needs {
			nothing += c.chance
			continue
		}
		if c.whole {
			c.proofs--
		}
		rest = append(rest, c)
	}
	return bound, 1 + shortest(rest)
}

// shortest is the smallest mean of numbers of trials that satisfy Kraft's inequality, none of which
// is smaller than the number of proofs. They need not be whole numbers.
func shortest(classes []class) float64 {
	trials := func(c class, more float64) float64 { return max(c.proofs, math.Log2(c.many/c.chance)+more) }
	low, high := -100.0, 100.0
	for range 100 {
		more, sum := (low+high)/2, 0.0
		for _, c := range classes {
			sum += c.many * math.Exp2(-trials(c, more))
		}
		if sum > 1 {
			low = more
		} else {
			high = more
		}
	}
	mean := 0.0
	for _, c := range classes {
		mean += c.chance * trials(c, high)
	}
	return mean
}

// sampledClasses are those of so many draws.
func sampledClasses(n, draws int, draw func(*rand.Rand) systems.System) (classes []class) {
	found := map[string]int{}
	for i := range draws {
		system := draw(rand.New(rand.NewPCG(50, uint64(i))))
		key, alike := shape(system)
		at, known := found[key]
		if !known {
			at = len(classes)
			found[key] = at
			whole := slices.ContainsFunc(system.Cuts, search.All(n).Equal)
			classes = append(classes, class{many: alike, proofs: proofs(system), needs: len(system.Cuts) > 0, whole: whole})
		}
		classes[at].chance += 1 / float64(draws)
	}
	return classes
}

// shape is what a device has in common with those that differ by names only, and how many these
// are. It says for each set of groups of alternatives how many destinations are in just these.
func shape(s systems.System) (first string, alike float64) {
	var required search.Set
	var groups []search.Set
	for _, cut := range s.Cuts {
		if cut.Len() == 1 {
			required = required.Union(cut)
		} else {
			groups = append(groups, cut)
		}
	}
	same := 0.0 // orders of the groups that look the same
	for _, order := range orders(groups) {
		regions := map[int]int{}
		for _, x := range search.All(s.N).Minus(required).Members() {
			in := 0
			for i, group := range order {
				if group.Has(x) {
					in |= 1 << i
				}
			}
			regions[in]++
		}
		key := fmt.Sprint(required.Len(), regions) // which are printed in order
		if same == 0 || key < first {
			first, same, alike = key, 0, factorial(s.N)/factorial(required.Len())
			for _, size := range regions {
				alike /= factorial(size)
			}
		}
		if key == first {
			same++
		}
	}
	return first, alike / same
}

// orders are all orders of some sets.
func orders(sets []search.Set) (all [][]search.Set) {
	if len(sets) == 0 {
		return [][]search.Set{nil}
	}
	for i, first := range sets {
		rest := slices.Delete(slices.Clone(sets), i, i+1)
		for _, order := range orders(rest) {
			all = append(all, append([]search.Set{first}, order...))
		}
	}
	return all
}

func factorial(n int) float64 {
	product := 1.0
	for i := range n {
		product *= float64(i + 1)
	}
	return product
}

// proofs counts the cuts, and the maximal sets that contain none.
func proofs(s systems.System) (n float64) {
	n = float64(len(s.Cuts))
	for b := range 1 << s.N {
		block := setOf(b)
		wider := func(x int) bool { return !block.Has(x) && !s.Fails(block.With(x)) }
		if !s.Fails(block) && !slices.ContainsFunc(s.Order(), wider) {
			n++
		}
	}
	return n
}
