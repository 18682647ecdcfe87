package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/optimum"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// small prints how near the search comes to the optimum where it can be known.
func (b bench) small() {
	fmt.Print("Few destinations, exact: mean trials of the search, and the smallest mean of any search that knows how likely each device is: of all such, and of those whose first trial blocks everything\n\n")
	fmt.Print("| devices | destinations | ours | optimum | ours / optimum | everything first | ours / that |\n|---|---|---|---|---|---|---|\n")
	b.optimum("as the search expects them", systems.Typical)
	b.optimum("0–3 required and 0–3 groups", systems.Small)
	fmt.Println()
}

// bounds prints how near it comes to a lower bound of the optimum.
func (b bench) bounds() {
	fmt.Print("Few destinations, exact: mean trials of the search, and a number that no search has a smaller mean than\n\n")
	fmt.Print("| devices | destinations | systems | ours | standard error | at least | everything first: at least | ours / that |\n|---|---|---|---|---|---|---|---|\n")
	b.bound("as the search expects them", systems.Typical)
	b.bound("0–3 required and 0–3 groups", systems.Small)
	fmt.Println()
}

func (b bench) optimum(devices string, draw func(int, *rand.Rand) systems.System) {
	for n := 2; n <= optimum.Most; n++ {
		prior := optimum.Sampled(n, 200*b.draws, func(random *rand.Rand) systems.System { return draw(n, random) })
		ours := prior.Mean(func(s systems.System) int {
			return systems.Experiment{System: s, Options: search.Options{Exact: true}}.Run().Trials
		})
		best, afterAll := prior.Optimum()
		fmt.Printf("| %s | %d | %.2f | %.2f | %.3f | %.2f | %.3f |\n", devices, n, ours, best, ours/best, afterAll, ours/afterAll)
	}
}

func (b bench) bound(devices string, draw func(int, *rand.Rand) systems.System) {
	for n := 4; n <= 8; n++ {
		few := func(random *rand.Rand) systems.System { return draw(n, random) }
		mean := ours(4*b.draws, few, search.Options{Exact: true})
		least, afterAll := optimum.Bound(n, 200*b.draws, few)
		fmt.Printf("| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.3f |\n", devices, n, 4*b.draws, mean.mean(),
			mean.deviation()/math.Sqrt(float64(4*b.draws)), least, afterAll, mean.mean()/afterAll)
	}
}
