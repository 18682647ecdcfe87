package harness_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the time that a run still takes", func() {
	result := func(d time.Duration, blocked ...harness.Destination) harness.Result {
		var contacts []harness.Contact
		for _, word := range []string{"a", "b", "c"} {
			contacts = append(contacts, harness.Contact{Destination: destination(word), Tries: 1, Attempts: 1, Touched: 1})
		}
		return harness.Result{
			Trial: harness.Trial{Block: blocked, Fault: harness.Reject, Regime: harness.Steady}, Lane: 1, Sitting: 1, Duration: d, Recovered: true,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}, Seen: harness.Observation{Contacts: contacts},
		}
	}
	run := func(results ...harness.Result) harness.Run {
		for i := range results {
			results[i].Trial.Number = i + 1
		}
		return harness.Run{
			Scenarios: []harness.ScenarioInfo{{Name: "app"}}, Results: results,
			Settings: harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Order: "exact", Lanes: 1, Settle: 10 * time.Second},
		}
	}

	It("is that of the trials to come, without the long observation at the beginning", func() {
		now := harness.ProgressOf(run(result(30*time.Minute), result(time.Minute), result(20*time.Second, destination("a")), result(10*time.Second), result(30*time.Second, destination("b"))))
		Expect(now.Left).To(BeNumerically(">", 0))
		Expect(now.Remaining).To(Equal(30 * time.Second * time.Duration(now.Left)))
	})

	It("follows from how long a block must stand before any trial is over", func() {
		now := harness.ProgressOf(run(result(30 * time.Minute)))
		Expect(now.Left).To(BeNumerically(">", 0))
		Expect(now.Remaining).To(Equal(20 * time.Second * time.Duration(now.Left)))
	})

	It("is shared by the lanes", func() {
		one := run(result(time.Minute), result(20*time.Second, destination("a")))
		two := one
		two.Settings.Lanes = 2
		Expect(2 * harness.ProgressOf(two).Remaining).To(Equal(harness.ProgressOf(one).Remaining))
	})
})

var _ = Describe("the time that a run with long holds still takes", Label("norace"), func() {
	// watchedClosely is such a run in virtual time, with the estimate after each trial that blocked
	// something, and the time that was really left.
	watchedClosely := func(horizon time.Duration, misses int) (estimates, needed []time.Duration) {
		g, app := forgiving("daily", misses)
		var at []time.Time
		var end time.Time
		decidedAndTold(func(run *harness.Run) {
			run.Settings.Horizon, run.Settings.Longest, run.Settings.Lanes = horizon, patient.Longest, 1
		}, func(event harness.Event) {
			switch {
			case event.Kind == harness.Finished:
				end = event.At
			case event.Kind == harness.Ended && event.Progress.Trials > 0:
				at, estimates = append(at, event.At), append(estimates, event.Progress.Remaining)
			}
		}, g, app)
		for _, then := range at {
			needed = append(needed, end.Sub(then))
		}
		return estimates, needed
	}

	DescribeTable("is told to within a factor of three, from the first trial on", func(horizon time.Duration, misses int) {
		estimates, needed := watchedClosely(horizon, misses)
		Expect(len(estimates)).To(BeNumerically(">", 3))
		worst := 1.0
		for i := range len(estimates) - 1 {
			ratio := float64(estimates[i]) / float64(needed[i])
			worst = max(worst, ratio, 1/ratio)
			Expect(max(ratio, 1/ratio)).To(BeNumerically("<", 3), "after trial %d that blocked something", i+1)
		}
		AddReportEntry("worst", worst)
		Expect(estimates[len(estimates)-1]).To(BeZero())
	},
		Entry("with a horizon", 4*day, 1000),
		Entry("with the longest period as its horizon", time.Duration(0), 1000),
		Entry("with what is required and contacted once a day", 2*day, 1),
	)
})
