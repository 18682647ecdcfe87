package main

import (
	"fmt"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// seededChanges is how many changes of one need are tested, all kinds of them in turn.
const seededChanges = 200

// recheck prints what it takes to test a known matrix again, against a new search.
func (b bench) recheck() {
	fmt.Print("A known matrix of a random system, tested again (against a new search of the same system)\n\n")
	fmt.Print("| what changed | systems | mean trials | new search, exact | share of it: median | 90 % | wrong |\n|---|---|---|---|---|---|---|\n")
	var all sample
	for _, how := range append([]string{"nothing"}, systems.Changes()...) {
		var trials, searched, share sample
		for seed := 0; len(trials.values) < seededChanges/len(systems.Changes()); seed++ {
			before, after, ok := systems.Changed(how, seed)
			if !ok {
				continue
			}
			out := after.Recheck(before.Hypothesis(), search.Options{Exact: true})
			whole := systems.Experiment{System: after, Options: search.Options{Exact: true}}.Run()
			trials.values = append(trials.values, float64(out.Trials))
			searched.values = append(searched.values, float64(whole.Trials))
			share.values = append(share.values, float64(out.Trials)/float64(whole.Trials))
			if !after.Right(out.Explanation) {
				trials.wrong++
			}
		}
		fmt.Printf("| %s | %d | %.1f | %.1f | %.2f | %.2f | %d |\n",
			how, len(trials.values), trials.mean(), searched.mean(), share.quantile(0.5), share.quantile(0.9), trials.wrong)
		if how != "nothing" {
			all.values = append(all.values, share.values...)
		}
	}
	fmt.Printf("| any one change | %d | | | %.2f | %.2f | |\n\n", len(all.values), all.quantile(0.5), all.quantile(0.9))
}
