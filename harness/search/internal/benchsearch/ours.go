package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// ours prints the trials of the search alone, and how long it plans a question.
func (b bench) ours() {
	fmt.Print("Mean trials of the search, exact, and the time that it takes to plan a question\n\n")
	fmt.Print("| family | systems | mean | standard error | by the rules alone | wrong | planning: mean | longest |\n|---|---|---|---|---|---|---|---|\n")
	for _, family := range families() {
		b.row(family.Name, b.draws, plain(family.Draw))
	}
	b.row("6, 1 required + a group of 2", b.draws, plain(systems.Family{N: 6, Singles: 1, Groups: []int{2}, Apart: true}.Draw))
	for _, n := range []int{6, 7, 8} {
		b.row(fmt.Sprintf("random systems of %d", n), 4*b.draws, plain(func(random *rand.Rand) systems.System { return systems.Small(n, random) }))
		b.row("the same, of kinds that mean nothing", 4*b.draws, func(random *rand.Rand) (systems.System, []int) { return systems.Senseless(n, random) })
		b.row(fmt.Sprintf("%d, 1 required + any of another kind", n), b.draws, func(random *rand.Rand) (systems.System, []int) { return systems.Few(n, random) })
	}
	b.row("random systems", 4*b.draws, plain(systems.Random))
	b.row("10, 1 required, 2 needed of a group of 4", b.draws, plain(systems.Family{N: 10, Singles: 1, Groups: []int{4}, Needed: 2, Apart: true}.Draw))
	b.row("20, 1 required, 2 needed of a group of 3", b.draws, plain(systems.Family{N: 20, Singles: 1, Groups: []int{3}, Needed: 2, Apart: true}.Draw))
	fmt.Println()
}

// plain draws systems of which no kinds are known.
func plain(draw func(*rand.Rand) systems.System) func(*rand.Rand) (systems.System, []int) {
	return func(random *rand.Rand) (systems.System, []int) { return draw(random), nil }
}

// row prints the trials for systems of one sort, and the kinds of their destinations.
func (b bench) row(name string, draws int, draw func(*rand.Rand) (systems.System, []int)) {
	var planned planning
	s := each(draws, func(random *rand.Rand) (float64, bool) {
		system, kinds := draw(random)
		out := systems.Experiment{System: system, Options: search.Options{Exact: true, Services: kinds}}.Run()
		planned.add(out)
		return float64(out.Trials), system.Right(out.Explanation)
	})
	quick := each(draws, func(random *rand.Rand) (float64, bool) {
		system, kinds := draw(random)
		out := systems.Experiment{System: system, Options: search.Options{Exact: true, Services: kinds, Quick: true}}.Run()
		return float64(out.Trials), system.Right(out.Explanation)
	})
	fmt.Printf("| %s | %d | %.2f | %.2f | %.2f | %d | %v | %v |\n", name, draws, s.mean(), s.deviation()/math.Sqrt(float64(draws)), quick.mean(),
		s.wrong, (planned.sum / time.Duration(max(1, planned.questions))).Round(100*time.Microsecond), planned.longest.Round(time.Millisecond))
}
