package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// person prints how often a person is asked who judges one of two columns.
func (b bench) person() {
	fmt.Print("Questions to a person who judges one column, of 20 destinations with 3 required and a group of 5; another is judged by itself\n\n")
	fmt.Print("| the person's column differs in | systems | in every trial: mean | most | cost: person: mean | 90 % | most | the same, order 2: mean | most | wrong |\n|---|---|---|---|---|---|---|---|---|---|\n")
	exact := search.Options{Exact: true}
	family := systems.Family{N: 20, Singles: 3, Groups: []int{5}}
	for _, how := range append([]string{"nothing"}, systems.Changes()...) {
		if how == "a new destination is required" {
			continue // both are of the same device
		}
		always := b.asked(family, how, false, exact)
		cheap := b.asked(family, how, true, exact)
		second := b.asked(family, how, true, search.Options{})
		fmt.Printf("| %s | %d | %.1f | %.0f | %.1f | %.0f | %.0f | %.1f | %.0f | %d |\n", how, len(cheap.values),
			always.mean(), always.quantile(1), cheap.mean(), cheap.quantile(0.9), cheap.quantile(1), second.mean(), second.quantile(1), always.wrong+cheap.wrong)
	}
	fmt.Println()
}

func (b bench) asked(family systems.Family, how string, cheap bool, options search.Options) sample {
	return each(b.draws, func(random *rand.Rand) (float64, bool) {
		person := family.Draw(random)
		automatic := person
		if how != "nothing" {
			automatic, _ = person.Change(how, random)
		}
		asked, explained := systems.Questions(automatic, person, cheap, options)
		return float64(asked), person.Right(explained)
	})
}
