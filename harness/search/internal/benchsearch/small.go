package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/optimum"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// small prints how near the search comes to the optimum where it can be known.
func (b bench) small() {
	fmt.Print("Few destinations, 0–3 required and 0–3 groups, exact: mean trials of the search, and the smallest mean of any search that knows how likely each device is\n\n")
	fmt.Print("| destinations | ours | optimum | ours / optimum |\n|---|---|---|---|\n")
	for n := 2; n <= optimum.Most; n++ {
		prior := optimum.Sampled(n, 200*b.draws, func(random *rand.Rand) systems.System { return systems.Small(n, random) })
		ours := prior.Mean(func(s systems.System) int {
			return systems.Experiment{System: s, Options: search.Options{Exact: true}}.Run().Trials
		})
		best := prior.Optimum()
		fmt.Printf("| %d | %.2f | %.2f | %.3f |\n", n, ours, best, ours/best)
	}
	fmt.Println()
}
