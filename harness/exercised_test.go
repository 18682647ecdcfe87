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

// provokedAfter makes a trial of a running device one that was provoked after 4 s, which took 5 s.
func provokedAfter(by harness.Provoker) func(*harness.Result, *harness.Contact) {
	return func(r *harness.Result, _ *harness.Contact) {
		r.Restarted, r.Provoked = false, &harness.Provoked{By: by, After: 4 * time.Second, Took: 5 * time.Second}
	}
}

var _ = DescribeTable("a destination that was tried only because the device was provoked is said to be so, and when",
	func(only string, change func(*harness.Result, *harness.Contact)) {
		cell := cellOf(booted(change), "licence")
		Expect(cell.Verdict).To(Equal(harness.Optional))
		if only == "" {
			Expect(cell.ExercisedBy).To(BeEmpty())
			Expect(cell.Why).NotTo(ContainSubstring("tried only right after"))
			return
		}
		Expect(cell.ExercisedBy).To(HaveLen(1))
		Expect(cell.Why).To(ContainSubstring("tried only right after " + cell.ExercisedBy[0].Words() + " (" + only + " after that in trial 2)"))
	},
	Entry("by a new lease", "1 s", provokedAfter(harness.ByLease)),
	Entry("by its link", "1 s", provokedAfter(harness.ByLink)),
	Entry("by its link, before that was seen to be up", "3 s", func(r *harness.Result, c *harness.Contact) {
		provokedAfter(harness.ByLink)(r, c)
		c.Attempted = r.Started.Add(7 * time.Second)
	}),
	Entry("but not before its link was taken down", "", func(r *harness.Result, c *harness.Contact) {
		provokedAfter(harness.ByLink)(r, c)
		c.Attempted = r.Started.Add(3 * time.Second)
	}),
	Entry("once, when it was started", "10 s", func(*harness.Result, *harness.Contact) {}),
	Entry("and again soon afterwards", "10 s", func(_ *harness.Result, c *harness.Contact) {
		c.Attempts, c.Tries, c.Quiet, c.Last = 3, 3, 2*time.Minute, c.First.Add(4*time.Minute)
	}),
	Entry("but not if it was tried again after a pause", "", func(_ *harness.Result, c *harness.Contact) {
		c.Attempts, c.Tries, c.Quiet, c.Last = 2, 2, 30*time.Minute, c.First.Add(30*time.Minute)
	}),
	Entry("but not if the device was running", "", func(r *harness.Result, _ *harness.Contact) { r.Restarted = false }),
	Entry("but not if the first try came later", "", func(_ *harness.Result, c *harness.Contact) {
		c.First, c.Last, c.Attempted = c.First.Add(5*time.Minute), c.Last.Add(5*time.Minute), c.Attempted.Add(5*time.Minute)
	}),
)
