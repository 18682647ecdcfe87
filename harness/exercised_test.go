package harness_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// booted is a run of a control and a trial that blocks what the device contacts when it starts. change may
// change the trial.
func booted(change func(trial *harness.Result, contact *harness.Contact)) harness.Run {
	run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
	run.Settings.Settle, run.Settings.Regimes = time.Minute, []harness.Regime{harness.ColdBoot}
	born := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n, block := range [][]harness.Destination{nil, {destination("licence")}} {
		started := born.Add(time.Duration(n) * 2 * time.Hour)
		contact := harness.Contact{Destination: destination("licence"), First: started.Add(10 * time.Second), Last: started.Add(10 * time.Second), Tries: 1, Answered: true}
		result := harness.Result{
			Trial:   harness.Trial{Number: n + 1, Block: block, Fault: harness.Reject, Regime: harness.ColdBoot},
			Started: started, Held: time.Hour, Duration: time.Hour, Restarted: true, Recovered: true,
			Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}},
		}
		if n > 0 {
			contact.Attempted, contact.Attempts, contact.Touched, contact.Answered = contact.First, 1, 1, false
			change(&result, &contact)
		}
		result.Seen.Contacts = []harness.Contact{contact}
		run.Results = append(run.Results, result)
	}
	return run
}

var _ = DescribeTable("a destination that was tried only because of a restart is said to be so",
	func(only bool, change func(*harness.Result, *harness.Contact)) {
		cell := cellOf(booted(change), "licence")
		Expect(cell.Verdict).To(Equal(harness.Optional))
		if said := ContainSubstring("only right after a restart"); only {
			Expect(cell.ExercisedBy).To(Equal([]harness.Provoker{harness.ByStart}))
			Expect(cell.Why).To(said)
		} else {
			Expect(cell.ExercisedBy).To(BeEmpty())
			Expect(cell.Why).NotTo(said)
		}
	},
	Entry("once", true, func(*harness.Result, *harness.Contact) {}),
	Entry("and again soon afterwards", true, func(_ *harness.Result, c *harness.Contact) {
		c.Attempts, c.Tries, c.Quiet, c.Last = 3, 3, 2*time.Minute, c.First.Add(4*time.Minute)
	}),
	Entry("but not if it was tried again after a pause", false, func(_ *harness.Result, c *harness.Contact) {
		c.Attempts, c.Tries, c.Quiet, c.Last = 2, 2, 30*time.Minute, c.First.Add(30*time.Minute)
	}),
	Entry("but not if the device was running", false, func(r *harness.Result, _ *harness.Contact) { r.Restarted = false }),
	Entry("but not if the first try came later", false, func(_ *harness.Result, c *harness.Contact) {
		c.First, c.Last, c.Attempted = c.First.Add(5*time.Minute), c.Last.Add(5*time.Minute), c.Attempted.Add(5*time.Minute)
	}),
)
