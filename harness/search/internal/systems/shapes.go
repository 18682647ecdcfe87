package systems

import (
	"math/rand/v2"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// Kinds makes a system of 20 to 60 destinations of 3 to 8 kinds, with one
// required and one group of alternatives, and the kind of each destination.
// faithful groups take most of one kind; others are drawn regardless of it.
func Kinds(random *rand.Rand, faithful bool) (System, []int) {
	system := System{N: 20 + random.IntN(41)}
	kinds := 3 + random.IntN(6)
	services := make([]int, system.N)
	for x := range services {
		services[x] = random.IntN(kinds)
	}
	slices.Sort(services)
	required, kind := random.IntN(system.N), random.IntN(kinds)
	candidates := random.Perm(system.N)
	if faithful {
		candidates = slices.DeleteFunc(candidates, func(x int) bool { return services[x] != kind })
	}
	candidates = slices.DeleteFunc(candidates, func(x int) bool { return x == required })
	size := min(len(candidates), 2+random.IntN(5))
	system.Cuts = []search.Set{search.Of(required)}
	if size > 1 {
		system.Cuts = append(system.Cuts, search.Of(candidates[:size]...))
	}
	return system, services
}

// Typical makes a system of n destinations, 1 or more, as the search expects a device with so
// few: mostly 0 to 2 are required, and one small group at most. What is impossible is drawn again.
func Typical(n int, random *rand.Rand) System {
	for {
		system := System{N: n}
		required := draw(random, 0.2, 0.3, 0.2, 0.15, 0.08, 0.04, 0.02, 0.01)
		groups := draw(random, 0.497, 0.348, 0.122, 0.028, 0.005) // a Poisson distribution with mean 0.7
		for _, x := range random.Perm(n)[:min(n, required)] {
			system.Cuts = append(system.Cuts, search.Of(x))
		}
		for range groups {
			if size := 2 + draw(random, 0.40, 0.24, 0.16, 0.12, 0.06, 0.03, 0.015); size <= n {
				system.add(search.Of(random.Perm(n)[:size]...))
			}
		}
		if len(system.Cuts) == required+groups {
			return system
		}
	}
}

// draw is one of the numbers from 0, by their chances.
func draw(random *rand.Rand, chances ...float64) int {
	sum := 0.0
	for _, c := range chances {
		sum += c
	}
	x := random.Float64() * sum
	for i, c := range chances {
		if x -= c; x < 0 {
			return i
		}
	}
	return 0
}

// Few makes a system of n destinations, 4 or more, of two kinds: one of the first kind is
// required, and any one of the second kind.
func Few(n int, random *rand.Rand) (System, []int) {
	size := 2 + random.IntN(n-3)
	kinds := make([]int, n)
	var group search.Set
	for x := n - size; x < n; x++ {
		kinds[x], group = 1, group.With(x)
	}
	return System{N: n, Cuts: []search.Set{search.Of(random.IntN(n - size)), group}}, kinds
}

// Senseless makes a system as [Small] does, and kinds that mean nothing.
func Senseless(n int, random *rand.Rand) (System, []int) {
	system, kinds := Small(n, random), make([]int, n)
	for x := range kinds {
		kinds[x] = random.IntN(3)
	}
	return system, kinds
}

// Five makes five scenarios of one device with 20 destinations. They have a
// required destination and a group of three in common, and every second has one
// more that is required; or, with own, they have nothing in common.
func Five(random *rand.Rand, own bool) []System {
	var five []System
	common := random.Perm(20)
	for range 5 {
		if own {
			common = random.Perm(20)
		}
		system := System{N: 20, Cuts: []search.Set{search.Of(common[0]), search.Of(common[1:4]...)}}
		if random.IntN(2) == 0 {
			system.Cuts = append(system.Cuts, search.Of(common[4+random.IntN(3)]))
		}
		five = append(five, system)
	}
	return five
}

// Together is how many trials explain several scenarios at once. The last of
// them blocks the joint safe list.
func Together(scenarios []System, options search.Options) int {
	columns := make([][]search.Answer, len(scenarios))
	for trial := 1; ; trial++ {
		q, ok := search.NextOfAll(columns, scenarios[0].Order(), nil, options)
		if !ok {
			return trial - 1
		}
		for i, scenario := range scenarios {
			columns[i] = append(columns[i], search.Answer{
				Trial: trial, Blocked: q.Block, Touched: q.Block, Attempted: q.Block, Passed: !scenario.Fails(q.Block),
			})
		}
	}
}
