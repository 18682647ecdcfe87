package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// several prints the trials for devices that need several of a group, such as two of four
// time servers: also if the group is all that there is of a kind, and if each cut must fail
// twice, as on a real device.
func (b bench) several() {
	fmt.Print("Several of a group are needed, and one more destination: mean trials (90 %) by the rules alone\n\n")
	fmt.Print("| needed | destinations | exact | the group is a kind | the same, side by side, each cut twice, order 2 |\n|---|---|---|---|---|\n")
	for _, group := range [][2]int{{1, 4}, {2, 3}, {2, 4}, {2, 5}, {3, 5}} {
		for _, n := range []int{7, 10, 20} {
			family := systems.Family{N: n, Singles: 1, Groups: []int{group[1]}, Needed: group[0], Apart: true}
			exact := search.Options{Exact: true, Quick: true}
			fmt.Printf("| %d of %d | %d | %s | %s |", group[0], group[1], n, trials(ours(b.draws, family.Draw, exact)), trials(b.ofAKind(family, exact)))
			family.Apart = false
			fmt.Printf(" %s |\n", trials(b.ofAKind(family, search.Options{Confirm: 2, Quick: true})))
		}
	}
	fmt.Println()
}

func trials(s sample) string {
	text := fmt.Sprintf("%.1f (%.0f)", s.mean(), s.quantile(0.9))
	if s.wrong > 0 {
		text += fmt.Sprintf(", %.0f %% wrong", s.wrongShare())
	}
	return text
}

// ofAKind measures systems whose group is all that there is of its kind.
func (b bench) ofAKind(family systems.Family, options search.Options) sample {
	return each(b.draws, func(random *rand.Rand) (float64, bool) {
		system := family.Draw(random)
		options := options
		options.Services = make([]int, system.N)
		for _, cut := range system.Cuts {
			for _, x := range cut.Members() {
				if cut.Len() > 1 {
					options.Services[x] = 1
				}
			}
		}
		out := systems.Experiment{System: system, Options: options}.Run()
		return float64(out.Trials), system.Right(out.Explanation)
	})
}
