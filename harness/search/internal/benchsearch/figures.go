package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

// random prints how systems of every shape are explained.
func (b bench) random() {
	fmt.Print("Random systems: 5–30 destinations, 0–3 required, 0–3 groups of 2–5 that may overlap\n\n")
	fmt.Print("| search | systems | mean trials | by the rules alone | wrong or incomplete |\n|---|---|---|---|---|\n")
	for _, row := range []struct {
		name    string
		draws   int
		options search.Options
	}{{"exact", 20, search.Options{Exact: true}}, {"order 1", 4, search.Options{Order: 1}}, {"order 2", 4, search.Options{Order: 2}}, {"order 3", 4, search.Options{Order: 3}}} {
		s := ours(row.draws*b.draws, systems.Random, row.options)
		row.options.Quick = true
		quick := ours(row.draws*b.draws, systems.Random, row.options)
		fmt.Printf("| %s | %d | %.2f | %.2f | %.2f %% |\n", row.name, row.draws*b.draws, s.mean(), quick.mean(), s.wrongShare())
	}
	fmt.Println()
	fmt.Print("| with kinds of services | exact, mean trials without kinds | with kinds |\n|---|---|---|\n")
	for _, row := range []struct {
		name     string
		faithful bool
	}{{"groups lie in one kind", true}, {"kinds mean nothing", false}} {
		fmt.Printf("| %s | %.2f | %.2f |\n", row.name, b.kinds(row.faithful, false).mean(), b.kinds(row.faithful, true).mean())
	}
	fmt.Println()
}

// kinds measures systems with one required destination and a group, whose
// destinations are of 3 to 8 kinds.
func (b bench) kinds(faithful, told bool) sample {
	return each(b.draws, func(random *rand.Rand) (float64, bool) {
		system, services := systems.Kinds(random, faithful)
		options := search.Options{Exact: true}
		if told {
			options.Services = services
		}
		out := systems.Experiment{System: system, Options: options}.Run()
		return float64(out.Trials), system.Right(out.Explanation)
	})
}

// noise prints what wrong answers cost.
func (b bench) noise() {
	draws := 4 * b.draws
	base := ours(draws, systems.Random, search.Options{Exact: true, Quick: true}).mean()
	fmt.Printf("%d random systems, exact, by the rules alone, with answers that may be wrong (if none may be: %.2f trials)\n\n", draws, base)
	fmt.Print("| false failures / passes | mean trials | against no noise | any error | majority of 3: any error, trials against no noise |\n|---|---|---|---|---|\n")
	for _, rates := range [][2]float64{{0, 0}, {0.05, 0.005}, {0.10, 0.01}, {0.05, 0.05}} {
		options := search.Options{Exact: true, MaxNoise: 0.2, Careful: true, FalseFail: rates[0], FalsePass: rates[1]}
		s := noisy(draws, options, rates)
		voted := each(draws, func(random *rand.Rand) (float64, bool) {
			system := systems.Random(random)
			out := systems.Experiment{System: system, Options: search.Options{Exact: true, Quick: true}, FalseFail: vote(rates[0]), FalsePass: vote(rates[1]), Random: random}.Run()
			return 3 * float64(out.Trials), system.Right(out.Explanation)
		})
		fmt.Printf("| %g %% / %g %% | %.2f | %.2f | %.2f %% | %.1f %%, %.2f |\n",
			100*rates[0], 100*rates[1], s.mean(), s.mean()/base, s.wrongShare(), voted.wrongShare(), voted.mean()/base)
	}
	fmt.Println()
}

func noisy(draws int, options search.Options, rates [2]float64) sample {
	return each(draws, func(random *rand.Rand) (float64, bool) {
		system := systems.Random(random)
		out := systems.Experiment{System: system, Options: options, FalseFail: rates[0], FalsePass: rates[1], Random: random}.Run()
		return float64(out.Trials), system.Right(out.Explanation)
	})
}

// vote is how often at least two of three answers are wrong.
func vote(share float64) float64 { return share * share * (3 - 2*share) }

// lanes prints how much faster several devices are than one. An implied trial is one that was given up, since others had
// answered it by then.
func (b bench) lanes() {
	fmt.Print("Lanes: a search without controls, audits and checks, when a trial takes 1 to 1.2\n\n")
	fmt.Print("| systems | lanes | time | times as fast as one | trials | of these implied | lanes idle | wrong |\n|---|---|---|---|---|---|---|---|\n")
	families := []systems.Family{
		{Name: "20, 3 required", N: 20, Singles: 3},
		{Name: "20, 2 required + a group of 4", N: 20, Singles: 2, Groups: []int{4}, Apart: true},
		{Name: "60, 2 required + groups of 5 and 2", N: 60, Singles: 2, Groups: []int{5, 2}, Apart: true},
	}
	for _, family := range families {
		b.onLanes(family.Name, plain(family.Draw))
	}
	b.onLanes("7, 1 required + any of another kind", func(random *rand.Rand) (systems.System, []int) { return systems.Few(7, random) })
	fmt.Println()
}

// onLanes prints the rows of one sort of systems, and of the kinds of their destinations.
func (b bench) onLanes(name string, draw func(*rand.Rand) (systems.System, []int)) {
	one := 0.0
	draws := max(1, b.draws/5)
	for _, n := range []int{1, 2, 4, 8} {
		var lock sync.Mutex
		var trials, implied, idle float64
		time := each(draws, func(random *rand.Rand) (float64, bool) {
			system, kinds := draw(random)
			out := systems.Experiment{System: system, Options: search.Options{Exact: true, Services: kinds}, Lanes: n, Random: random}.Run()
			lock.Lock()
			defer lock.Unlock()
			trials, implied, idle = trials+float64(out.Trials), implied+float64(out.Implied), idle+out.Idle
			return out.Time, system.Right(out.Explanation)
		})
		if n == 1 {
			one = time.mean()
		}
		of := float64(draws)
		fmt.Printf("| %s | %d | %.1f | %.2f | %.1f | %.1f | %.0f %% | %d |\n", name, n, time.mean(), one/time.mean(), trials/of, implied/of, 100*idle/of, time.wrong)
	}
}

// together prints what five scenarios cost that share their trials.
func (b bench) together() {
	fmt.Print("Five scenarios together, 20 destinations: trials against one scenario alone\n\n| scenarios | against one |\n|---|---|\n")
	for _, row := range []struct {
		name string
		own  bool
	}{{"one required and a group in common, half of them one more", false}, {"nothing in common", true}} {
		one := each(b.draws, func(random *rand.Rand) (float64, bool) {
			system := systems.Five(random, row.own)[0]
			return float64(systems.Experiment{System: system, Options: search.Options{Exact: true}}.Run().Trials), true
		})
		five := each(b.draws, func(random *rand.Rand) (float64, bool) {
			return float64(systems.Together(systems.Five(random, row.own), search.Options{Exact: true})), true
		})
		fmt.Printf("| %s | %.2f |\n", row.name, five.mean()/one.mean())
	}
	fmt.Println()
}

// singles prints the 95th percentile where there are no alternatives, and its
// bound.
func (b bench) singles() {
	fmt.Print("Required destinations alone: 95th percentile of the trials by the rules alone, and ⌈log2 C(n,d)⌉ + d + 5\n\n| n \\ d |")
	most := 6
	for d := 1; d <= most; d++ {
		fmt.Printf(" %d |", d)
	}
	fmt.Print("\n|---|---|---|---|---|---|---|\n")
	for _, n := range []int{7, 12, 20, 40, 60, 100, 200} {
		fmt.Printf("| %d |", n)
		for d := 1; d <= most; d++ {
			s := ours(b.draws, systems.Family{N: n, Singles: d}.Draw, search.Options{Exact: true, Quick: true})
			bound := math.Ceil(logChoose(n, d)) + float64(d) + 5
			over := ""
			if s.quantile(0.95) > bound {
				over = " over"
			}
			fmt.Printf(" %.0f of %.0f%s |", s.quantile(0.95), bound, over)
		}
		fmt.Println()
	}
	fmt.Println()
}

// times prints how long one question takes to plan.
func (b bench) times() {
	fmt.Print("Time to plan one question, three groups of five\n\n| destinations | mean | longest |\n|---|---|---|\n")
	for _, n := range []int{60, 200} {
		family := systems.Family{N: n, Singles: 2, Groups: []int{5, 5, 5}, Apart: true}
		system := family.Draw(rand.New(rand.NewPCG(50, 0)))
		for _, options := range []search.Options{{Exact: true}, {Exact: true, Quick: true}, {Order: 2}, {Exact: true, MaxNoise: 0.2}} {
			out := systems.Experiment{System: system, Options: options}.Run()
			var took []time.Duration
			var sum time.Duration
			for i := range out.Knowledge {
				began := time.Now()
				search.Next(out.Knowledge[:i], system.Order(), nil, options)
				took = append(took, time.Since(began))
				sum += took[i]
			}
			mean := sum / time.Duration(len(took))
			fmt.Printf("| %d, %s | %v | %v |\n", n, named(options), mean.Round(time.Microsecond), slices.Max(took).Round(time.Microsecond))
		}
	}
}

func named(o search.Options) string {
	switch {
	case o.MaxNoise > 0:
		return "exact, through noise"
	case o.Quick:
		return "exact, by the rules alone"
	case o.Exact:
		return "exact"
	}
	return fmt.Sprint("order ", o.Order)
}
