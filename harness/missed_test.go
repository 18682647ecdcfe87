package harness_test

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// journalled is a run whose trials are given, of a device with one scenario. Its trials begin one after another.
func journalled(results ...harness.Result) harness.Run {
	run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
	run.Settings.Settle, run.Settings.Longest, run.Settings.Order = minute, day, "exact"
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, r := range results {
		r.Trial.Number, r.Started, r.Lane, r.Sitting, r.Recovered, r.Duration = i+1, at, 1, 1, true, r.Held
		for c := range r.Seen.Contacts {
			contact := &r.Seen.Contacts[c]
			contact.First = at.Add(second)
			contact.Last = at.Add(max(second, r.Held-second))
			if contact.Attempts > 0 {
				contact.Attempted = contact.First
			}
		}
		at = at.Add(r.Held + minute)
		run.Results = append(run.Results, r)
	}
	return run
}

// held is a trial that was held for so long, and in which the device tried some of what was blocked.
func held(answer harness.Answer, lasted time.Duration, block []string, tried ...string) harness.Result {
	r := harness.Result{Trial: trial(block...), Held: lasted, Outcomes: map[string]harness.Outcome{"app": {Answer: answer}}}
	for _, word := range tried {
		r.Seen.Contacts = append(r.Seen.Contacts, harness.Contact{Destination: destination(word), Tries: 1, Attempts: 1, Touched: 1})
	}
	return r
}

// watching is a control in which the device contacts each destination once in so long.
func watching(lasted time.Duration, every map[string]time.Duration) harness.Result {
	r := held(harness.Pass, lasted, nil)
	for word, quiet := range every {
		r.Seen.Contacts = append(r.Seen.Contacts, harness.Contact{Destination: destination(word), Tries: 1 + int(lasted/quiet), Quiet: quiet, Answered: true})
	}
	return r
}

var _ = Describe("a trial in which the device did not try what it contacts seldom", func() {
	It("never counts as one that worked without it, however often it is repeated", func() {
		results := []harness.Result{
			watching(2*day, map[string]time.Duration{"often": minute / 2, "rare": 2 * hour}),
			held(harness.Pass, 5*minute, []string{"often"}, "often"),
			held(harness.Pass, 2*hour, []string{"rare"}, "rare"),
			held(harness.Fail, 2*hour, []string{"often", "rare"}, "often", "rare"),
		}
		for range 5 {
			results = append(results, held(harness.Pass, 5*minute, []string{"often", "rare"}, "often"))
		}
		for _, word := range []string{"often", "rare"} {
			Expect(cellOf(journalled(results...), word).Verdict).To(Equal(harness.Alternative), word)
		}
	})
})

var _ = Describe("a trial that begins while the device does without what it missed in the one before", func() {
	before := []harness.Result{
		watching(day, map[string]time.Duration{"often": minute / 2, "slow": 10 * minute}),
		held(harness.Pass, 10*minute, []string{"slow"}, "slow"),
		held(harness.Fail, 3*minute, []string{"often"}, "often"),
	}

	It("fails for want of both", func() {
		Expect(cellOf(journalled(before...), "often").Verdict).To(Equal(harness.Undecided))
		worked := held(harness.Pass, 3*minute, []string{"often"}, "often")
		for _, word := range []string{"often", "slow"} {
			Expect(cellOf(journalled(append(slices.Clip(before), worked)...), word).Verdict).To(Equal(harness.Alternative), word)
		}
	})

	It("fails for want of what it blocks alone, if the device has reached the other again, or should have", func() {
		for _, after := range []harness.Result{
			watching(11*minute, map[string]time.Duration{"often": minute / 2, "slow": 10 * minute}),
			watching(hour, map[string]time.Duration{"often": minute / 2}),
		} {
			again := append(slices.Clip(before), after, held(harness.Fail, 3*minute, []string{"often"}, "often"))
			Expect(cellOf(journalled(again...), "often").Verdict).To(Equal(harness.Required))
		}
	})

	// A device sends datagrams as before once nothing is in the way, and begins no connection for that.
	It("fails for want of a connection that it keeps, too, unless that is used again", func() {
		on := func(r harness.Result) harness.Result {
			r.Seen.Contacts = append(slices.Clip(r.Seen.Contacts), harness.Contact{Destination: destination("kept"), Quiet: 10 * second, Answered: true})
			return r
		}
		all := func(last harness.Result) harness.Run {
			control := on(watching(day, map[string]time.Duration{"often": minute / 2}))
			return journalled(control, held(harness.Pass, 3*minute, []string{"kept"}, "kept"), last)
		}
		failed := held(harness.Fail, 3*minute, []string{"often"}, "often")
		Expect(cellOf(all(failed), "often").Verdict).To(Equal(harness.Undecided))
		Expect(cellOf(all(on(failed)), "often").Verdict).To(Equal(harness.Required), cellOf(all(on(failed)), "often").Why)
	})
})

var _ = Describe("a group of alternatives", func() {
	It("is not proved by trials that ended before the device should have tried all that they blocked", func() {
		run := func(tried ...string) harness.Run {
			return journalled(
				watching(9*day, map[string]time.Duration{"a": minute / 2, "b": minute / 2, "rare": 30 * hour}),
				held(harness.Fail, 31*hour, []string{"a", "b", "rare"}, "a", "b", "rare"),
				held(harness.Pass, hour, []string{"a", "b"}, "a", "b"),
				held(harness.Pass, 26*hour, []string{"a", "rare"}, tried...),
				held(harness.Pass, 2*hour, []string{"b", "rare"}, "b", "rare"),
			)
		}
		Expect(cellOf(run("a"), "rare").Verdict).To(Equal(harness.Undecided))
		Expect(cellOf(run("a", "rare"), "rare").Verdict).To(Equal(harness.Alternative))
	})
})

var _ = Describe("a device that contacts something only after its start", Label("norace"), func() {
	// started is an experiment on such a device.
	started := func(after time.Duration) *fuzzed {
		GinkgoHelper()
		f := &fuzzed{seed: 1, has: map[string]bool{"boot": true, "start": true}, first: hour}
		f.timing = f.drawTiming()
		f.timing.Settle, f.timing.Patience, f.timing.Longest = 30*second, 15*minute, day
		late := func(word string) part { return part{word: word, boot: true, first: after, retry: 20 * second} }
		f.device = simulated{
			parts:     []part{{word: "cloud", every: 20 * second}, late("time1"), late("time2"), late("updates")},
			functions: []function{{"app", []need{{1, []string{"cloud"}}, {1, []string{"time1", "time2"}}}}, {"hass", nil}},
		}
		f.run = f.drawRun()
		f.do()
		Expect(f.wrong()).To(BeEmpty())
		Expect(f.run.Status).To(Equal(harness.Complete), f.run.Why)
		return f
	}

	It("is not asked the same again and again, since it starts before it has contacted that", func() { started(12 * minute) })

	It("is not waited for as if it contacted that as often as it is started", func() {
		f := started(10 * second)
		for _, column := range f.judged.Columns {
			if column.Column.Scenario.Name != "app" || column.Column.Regime != harness.Steady {
				continue
			}
			for _, word := range []string{"time1", "time2", "updates"} {
				Expect(column.Cells[destination(word)].Verdict).To(Equal(harness.NotExercised), word)
			}
		}
		for _, row := range f.judged.Rows {
			if row.Contact.Destination != destination("cloud") {
				Expect(row.Clock).To(HaveField("Every", BeZero()), row.Contact.Destination.String())
			}
		}
	})
})
