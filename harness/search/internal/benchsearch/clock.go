package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/needwant/needwant/harness/search/internal/systems"
)

// clock prints how long it takes to decide devices that contact most of their
// destinations rarely.
func (b bench) clock() {
	devices := systems.Devices()
	seeds := max(1, b.draws/25)
	fmt.Printf("The clock of %d real devices, each with %d random needs: 0–3 required, 0–2 groups of 2 or 3. A trial is held until all that is blocked was tried.\n\n", len(devices), seeds)
	fmt.Print("| method | longest periods until all is decided: median | 90 % | decided after 1 h | 6 h | 24 h | 72 h | wrong |\n|---|---|---|---|---|---|---|---|\n")
	for _, method := range []struct {
		name   string
		decide func(systems.Clock) systems.Progress
	}{
		{"by cost", func(c systems.Clock) systems.Progress { return c.Search(true) }},
		{"one at a time, held for its period", systems.Clock.OneByOne},
		{"without cost", func(c systems.Clock) systems.Progress { return c.Search(false) }},
	} {
		var periods sample
		shares := make([]float64, 4)
		for d, device := range devices {
			for seed := range seeds {
				c := systems.NewClock(device, rand.New(rand.NewPCG(uint64(seed), uint64(d))))
				p := method.decide(c)
				periods.values = append(periods.values, p.End()/slices.Max(c.Periods))
				if p.Wrong {
					periods.wrong++
				}
				for i, hours := range []float64{1, 6, 24, 72} {
					shares[i] += p.At(hours*3600, c.N)
				}
			}
		}
		fmt.Printf("| %s | %.1f | %.1f |", method.name, periods.quantile(0.5), periods.quantile(0.9))
		for _, share := range shares {
			fmt.Printf(" %.0f %% |", 100*share/float64(len(periods.values)))
		}
		fmt.Printf(" %.0f %% |\n", periods.wrongShare())
	}
	fmt.Println()
}
