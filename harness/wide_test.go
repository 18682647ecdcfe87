package harness_test

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a destination that was seen before the row that covers it", func() {
	every := parsed("udp/*/198.51.100.7")
	port := func(n int) harness.Destination { return parsed(fmt.Sprintf("udp/%d/198.51.100.7", n)) }

	// results are trials of one scenario, in which the device contacts a port after
	// the other until all ports of the address are one row.
	result := func(number int, answer harness.Answer, blocked, seen []harness.Destination) harness.Result {
		r := harness.Result{
			Trial:     harness.Trial{Number: number, Block: blocked, Fault: harness.Reject, Regime: harness.Steady},
			Outcomes:  map[string]harness.Outcome{"app": {Answer: answer}},
			Recovered: true,
		}
		for _, d := range seen {
			c := harness.Contact{Destination: d, Tries: 1}
			for _, b := range blocked {
				if b.Covers(d) {
					c.Attempts, c.Touched = 1, 1
				}
			}
			r.Seen.Contacts = append(r.Seen.Contacts, c)
		}
		return r
	}
	judged := func(results ...harness.Result) harness.Judgement {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Results = results
		return harness.Judge(run)
	}
	list := func(all ...harness.Destination) []harness.Destination { return all }

	It("is part of that row", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001), port(20002))),
			result(2, harness.Pass, nil, list(every)),
			result(3, harness.Pass, list(every), list(every)),
		)
		Expect(judgement.Rows).To(HaveLen(1))
		Expect(judgement.Rows[0].Contact).To(And(HaveField("Destination", every), HaveField("Tries", 4)))
		Expect(judgement.Columns[0].Cells).To(HaveLen(1))
		Expect(judgement.Columns[0].Cells[every]).To(And(HaveField("Verdict", harness.Optional), HaveField("Attempts", 1)))
	})

	It("proves nothing for the row by passing while it was blocked", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001))),
			result(2, harness.Pass, list(port(20001)), list(port(20001), port(20002))),
			result(3, harness.Fail, list(every), list(every)),
			result(4, harness.Pass, nil, list(every)),
		)
		Expect(judgement.Columns[0].Cells[every].Verdict).To(Equal(harness.Required))
		Expect(judgement.Safe[0].Destinations).To(BeEmpty())
	})

	It("proves by failing while it was blocked that the row is needed", func() {
		judgement := judged(
			result(1, harness.Pass, nil, list(port(20001))),
			result(2, harness.Fail, list(port(20001)), list(port(20001))),
			result(3, harness.Pass, nil, list(every)),
		)
		Expect(judgement.Columns[0].Cells[every]).To(And(HaveField("Verdict", harness.Required), HaveField("Attempts", 1)))
	})

	It("is found in what was seen of the row", func() {
		seen := result(1, harness.Pass, nil, list(every)).Seen
		_, ok := seen.Contact(port(20001))
		Expect(ok).To(BeTrue())
	})

	It("leaves no row of its own once the run is over", func() {
		lane := laneOf(func(trial harness.Trial) harness.Result {
			seen := list(every)
			if trial.Number < 4 { // a new port each time, until there are many
				seen = list(port(20000+2*trial.Number), port(20001+2*trial.Number))
			}
			return result(trial.Number, harness.Pass, trial.Block, seen)
		})
		experiment := &harness.Experiment{
			Run:   newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}}),
			Lanes: []harness.Lane{lane}, Journal: &memory{},
		}
		Expect(experiment.Do(context.Background())).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Complete))
		Expect(harness.Judge(experiment.Run).Columns[0].Cells).To(HaveLen(1))
		Expect(harness.Judge(experiment.Run).Columns[0].Cells[every].Verdict).To(Equal(harness.Optional))
	})
})

// laneOf is a lane whose trials are a function.
type laneOf func(trial harness.Trial) harness.Result

func (l laneOf) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result := l(trial)
	result.Trial = trial
	return result, ctx.Err()
}

func parsed(id string) harness.Destination {
	GinkgoHelper()
	d, err := harness.ParseDestination(id)
	Expect(err).NotTo(HaveOccurred())
	return d
}
