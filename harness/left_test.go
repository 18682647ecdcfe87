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
