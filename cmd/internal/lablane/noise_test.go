package lablane_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// A device with bad spells that outlive every retry, often enough that at least
// one control in twenty fails.
var _ = Describe("a noisy device", Label("root"), SpecPriority(1), func() {
	for seed := range int64(100) {
		labels := Label("slow")
		if seed < 1 {
			labels = Label("whole")
		}
		It(fmt.Sprintf("is judged rightly: run %d", seed), labels, func(ctx SpecContext) {
			world := find("one-of-each")
			world.Noise.Spell = lab.Spell{Chance: 0.15, Every: time.Second, For: time.Second}
			world, err := labtest.Make(world)
			Expect(err).NotTo(HaveOccurred())

			run := experiment(ctx, world, harness.Settings{Seed: seed, MaxNoise: 0.15, Careful: true})
			failed, controls := 0, 0
			for _, result := range run.Results {
				if result.Trial.Control() {
					controls++
					if !result.Recovered {
						failed++
					}
				}
			}
			AddReportEntry("controls that failed", fmt.Sprintf("%d of %d", failed, controls))
			for _, column := range harness.Judge(run).Columns {
				expected, err := labtest.Expect(world, column.Column.Scenario.Name, labtest.Steady)
				Expect(err).NotTo(HaveOccurred())
				Expect(verdicts(column)).To(Equal(expected.Verdicts), column.Column.ID)
			}
		}, SpecTimeout(10*time.Minute))
	}
})
