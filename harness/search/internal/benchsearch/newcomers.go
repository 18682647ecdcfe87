package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// newcomers prints what it saves to know when a destination appeared that is contacted only
// while others are blocked.
func (b bench) newcomers() {
	fmt.Print("Alternatives that are contacted only while those before them are blocked, and destinations that are contacted only while an optional one is: mean trials, exact\n\n")
	fmt.Print("| family | optional ones | systems | not told when they appeared | told | saved | standard error | wrong |\n|---|---|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		draw func(*rand.Rand) systems.System
	}{
		{"8, 1 required + a group of 2", systems.Family{N: 8, Singles: 1, Groups: []int{2}, Apart: true}.Draw},
		{"8, 2 required", systems.Family{N: 8, Singles: 2}.Draw},
		{"12, 2 required + a group of 3", systems.Family{N: 12, Singles: 2, Groups: []int{3}, Apart: true}.Draw},
		{"20, 3 required", systems.Family{N: 20, Singles: 3}.Draw},
		{"20, 2 required + a group of 4", systems.Family{N: 20, Singles: 2, Groups: []int{4}, Apart: true}.Draw},
		{"random systems", systems.Random},
	} {
		for _, idle := range []int{0, 3} {
			b.appearing(row.name, idle, row.draw)
		}
	}
	fmt.Println()
}

func (b bench) appearing(name string, idle int, draw func(*rand.Rand) systems.System) {
	measure := func(told func(untold, told float64) float64) sample {
		return each(b.draws, func(random *rand.Rand) (float64, bool) {
			system := draw(random).Spares(idle, random)
			options := search.Options{Exact: true}
			plain, hinted := system.Run(options, false), system.Run(options, true)
			right := system.Right(plain.Explanation) && system.Right(hinted.Explanation)
			return told(float64(plain.Trials), float64(hinted.Trials)), right
		})
	}
	plain := measure(func(untold, _ float64) float64 { return untold })
	saved := measure(func(untold, told float64) float64 { return untold - told })
	fmt.Printf("| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %d |\n", name, idle, b.draws, plain.mean(), plain.mean()-saved.mean(), saved.mean(),
		saved.deviation()/math.Sqrt(float64(b.draws)), saved.wrong)
}
