package harness_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a device that is worse off", func() {
	lamp := formula{
		contacts: []string{"cloud", "ads", "log", "map", "time1", "time2"},
		scenarios: map[string]func(func(string) bool) bool{
			"app": func(r func(string) bool) bool { return r("cloud") && (r("time1") || r("time2")) },
		},
	}

	// judged runs the experiment on the lamp, whose checks come out as outcome says.
	judged := func(outcome func(draw *rand.Rand, blocked func(string) bool, o *harness.Outcome), seed uint64) harness.Judgement {
		GinkgoHelper()
		draw := rand.New(rand.NewPCG(seed, 0))
		timed := &lane{device: lamp, after: func(r *harness.Result) {
			blocked := func(word string) bool {
				contact, _ := r.Seen.Contact(destination(word))
				return contact.Attempts > 0
			}
			o := r.Outcomes["app"]
			outcome(draw, blocked, &o)
			r.Outcomes["app"] = o
		}}
		e := &harness.Experiment{Run: newRun(lamp), Lanes: []harness.Lane{timed}, Journal: &memory{}}
		e.Run.Settings.Seed = int64(seed)
		e.Run.Settings.MaxNoise, e.Run.Settings.Careful = 0.2, true // asks everything more than once
		Expect(e.Do(context.Background())).To(Succeed())
		Expect(e.Run.Status).To(Equal(harness.Complete))
		return harness.Judge(e.Run)
	}
	cell := func(j harness.Judgement, word string) harness.Cell { return j.Columns[0].Cells[destination(word)] }

	// usual is how long a check takes when all is well: mostly little, and now and
	// then very long, as on a busy machine.
	usual := func(draw *rand.Rand) time.Duration {
		return time.Duration(20 * math.Exp(1.5*draw.NormFloat64()) * float64(time.Millisecond))
	}

	It("answers more slowly without what is degraded", func() {
		j := judged(func(draw *rand.Rand, blocked func(string) bool, o *harness.Outcome) {
			o.Duration = usual(draw) / 4
			if blocked("log") {
				o.Duration += 300 * time.Millisecond
			}
		}, 1)
		log := cell(j, "log")
		Expect(log.Verdict).To(Equal(harness.Degraded))
		Expect(log.Why).To(MatchRegexp(
			`^It works without it, but slower: 0\.3\d* s \(the median of trials .*, which blocked it\) against 0\.0\d+ s \(the median of \d+ other trials and controls\)\. By chance that comes once in \d+ comparisons, and this run made \d+ \(rank-sum test\)\.$`))
		Expect(log.Trials).NotTo(BeEmpty())
		Expect(log.Attempts).To(BeNumerically(">=", len(log.Trials)))
		Expect(log.Confidence).To(And(BeNumerically(">", 0.98), BeNumerically("<", 1)))

		Expect(cell(j, "ads").Verdict).To(Equal(harness.Optional), cell(j, "ads").Why)
		Expect(cell(j, "map").Verdict).To(Equal(harness.Optional), cell(j, "map").Why)
		Expect(cell(j, "cloud").Verdict).To(Equal(harness.Required))
		Expect(cell(j, "time1").Verdict).To(Equal(harness.Alternative))
	})

	It("answers less of the time without what is degraded", func() {
		j := judged(func(draw *rand.Rand, blocked func(string) bool, o *harness.Outcome) {
			o.Figures = &harness.Figures{Ratio: 1 - 0.02*draw.Float64(), P95: usual(draw) / 10, Checks: 20}
			if blocked("map") {
				o.Figures.Ratio -= 0.2
			}
		}, 2)
		Expect(cell(j, "map").Verdict).To(Equal(harness.Degraded))
		Expect(cell(j, "map").Why).To(ContainSubstring("but less reliably: for 79 % of the time (the median of trials "))
		Expect(cell(j, "log").Verdict).To(Equal(harness.Optional))
	})

	It("is blamed on two destinations where both make it worse", func() {
		j := judged(func(_ *rand.Rand, blocked func(string) bool, o *harness.Outcome) {
			o.Duration = 10 * time.Millisecond
			for _, word := range []string{"map", "ads"} {
				if blocked(word) {
					o.Duration += 400 * time.Millisecond
				}
			}
		}, 3)
		degraded := 0
		for _, word := range []string{"map", "ads"} {
			if cell(j, word).Verdict == harness.Degraded {
				degraded++
			}
		}
		Expect(degraded).To(BeNumerically(">=", 1))
		Expect(cell(j, "log").Verdict).To(Equal(harness.Optional), cell(j, "log").Why)
	})

	ads, log, other := destination("ads"), destination("log"), destination("map")

	// made is a run of these trials on a device that needs nothing, each check taking
	// its time.
	made := func(count int, trial func(n int) (block []harness.Destination, took time.Duration)) harness.Run {
		free := formula{contacts: []string{"ads", "log", "map"}, scenarios: map[string]func(func(string) bool) bool{"app": always}}
		run := newRun(free)
		for n := range count {
			block, took := trial(n)
			device := &lane{device: free, after: func(r *harness.Result) {
				r.Outcomes["app"] = harness.Outcome{Answer: harness.Pass, Duration: took}
			}}
			result, err := device.Run(context.Background(), harness.Trial{Number: n + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady})
			Expect(err).NotTo(HaveOccurred())
			run.Results = append(run.Results, result)
		}
		return run
	}

	It("is not blamed on what was blocked beside it", func() {
		j := harness.Judge(made(40, func(n int) ([]harness.Destination, time.Duration) {
			block := [][]harness.Destination{
				nil, nil, {other}, {ads}, {log}, {ads, log}, {ads, log}, {ads, log}, {ads, log}, {ads, log, other},
			}[n%10]
			if slices.Contains(block, log) {
				return block, time.Second
			}
			return block, 10 * time.Millisecond
		}))
		Expect(cell(j, "log").Verdict).To(Equal(harness.Degraded))
		Expect(cell(j, "ads").Verdict).To(Equal(harness.Optional), cell(j, "ads").Why)
		Expect(cell(j, "map").Verdict).To(Equal(harness.Optional), cell(j, "map").Why)
	})

	It("is not blamed on a block when it is the hour that is bad", func() {
		evening := func(control bool) harness.Verdict {
			return cell(harness.Judge(made(24, func(n int) ([]harness.Destination, time.Duration) {
				took := 10 * time.Millisecond
				if n >= 12 {
					took = time.Second
				}
				switch {
				case n == 0 || n == 23 && control:
					return nil, took
				case n < 12:
					return [][]harness.Destination{{ads}, {other}, {ads, other}}[n%3], took
				}
				return [][]harness.Destination{{ads, log, other}, {log}, {ads, log}, {log, other}}[n%4], took
			})), "log").Verdict
		}
		Expect(evening(false)).To(Equal(harness.Degraded))
		Expect(evening(true)).NotTo(Equal(harness.Degraded), "the control of that hour was as slow")
	})

	notInvented := func(runs int, label string) {
		DescribeTable(fmt.Sprintf("is not invented, in %d runs, from", runs), Label(label), func(outcome func(draw *rand.Rand, blocked func(string) bool, o *harness.Outcome)) {
			wrong := 0
			for seed := range uint64(runs) {
				for _, cell := range judged(outcome, seed).Columns[0].Cells {
					if cell.Verdict == harness.Degraded {
						wrong++
					}
				}
			}
			Expect(wrong).To(BeNumerically("<=", runs*2/100), "one run in a hundred is allowed for")
		},
			Entry("times that vary a lot", func(draw *rand.Rand, _ func(string) bool, o *harness.Outcome) {
				o.Duration = 10 * usual(draw)
			}),
			Entry("a difference that nobody notices", func(draw *rand.Rand, blocked func(string) bool, o *harness.Outcome) {
				o.Duration = time.Millisecond
				if blocked("log") {
					o.Duration = 90 * time.Millisecond
				}
			}),
			Entry("checks that fail now and then", func(draw *rand.Rand, _ func(string) bool, o *harness.Outcome) {
				o.Figures = &harness.Figures{Ratio: 1 - 0.1*math.Floor(3*draw.Float64()), P95: time.Second, Checks: 10}
			}),
		)
	}
	notInvented(100, "norace")
	notInvented(300, "whole")
})
