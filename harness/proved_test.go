package harness_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("what was proved", func() {
	// silent has a connection on which nothing is said: its block is never run into.
	silent := formula{
		contacts:  []string{"mqtt", "ads", "log"},
		scenarios: map[string]func(func(string) bool) bool{"app": always, "hass": always},
	}
	neverTried := func(r *harness.Result) {
		for i, contact := range r.Seen.Contacts {
			if contact.Destination == destination("mqtt") {
				r.Seen.Contacts[i] = harness.Contact{Destination: contact.Destination}
			}
		}
	}
	done := func(run harness.Run, lane *lane) harness.Run {
		GinkgoHelper()
		experiment := &harness.Experiment{Run: run, Lanes: []harness.Lane{lane}, Journal: &memory{}}
		Expect(experiment.Do(context.Background())).To(Succeed())
		return experiment.Run
	}

	It("is all that a safe list has", func() {
		run := done(newRun(silent), &lane{device: silent, after: neverTried})
		judgement := harness.Judge(run)
		Expect(judgement.Safe).To(HaveLen(3))
		for _, safe := range judgement.Safe {
			Expect(safe.Destinations).To(Equal([]harness.Destination{destination("ads"), destination("log")}))
		}
		last := run.Results[len(run.Results)-1].Trial
		Expect(last.Block).To(Equal(judgement.Safe[2].Destinations), "the last trial blocks exactly the joint safe list")
		Expect(last.Number).To(Equal(judgement.Safe[2].Trial))
	})

	It("is not certified as all there is if a destination was never tried", func() {
		for _, column := range harness.Judge(done(newRun(silent), &lane{device: silent, after: neverTried})).Columns {
			Expect(column.Cells[destination("mqtt")].Verdict).To(Equal(harness.NotExercised))
			Expect(column.Cells[destination("mqtt")].Why).To(And(ContainSubstring("cold_boot"), ContainSubstring("timing: settle")), "what to do")
			Expect(column.Cells[destination("ads")].Verdict).To(Equal(harness.Optional))
			Expect(column.Certified).To(Equal("none"))
		}
		for _, column := range harness.Judge(done(newRun(silent), &lane{device: silent})).Columns {
			Expect(column.Certified).To(Equal("exact"))
		}
	})

	It("is nothing in a run that judged nothing", func() {
		dead := formula{scenarios: silent.scenarios}
		for _, run := range []harness.Run{
			newRun(dead),
			done(newRun(dead), &lane{device: dead, after: func(r *harness.Result) {
				r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "refused"}, false
			}}),
		} {
			for _, column := range harness.Judge(run).Columns {
				Expect(column.Certified).To(Equal("none"))
			}
		}
	})

	It("is as certain as the answers that it rests on", func() {
		noisy := newRun(silent)
		noisy.Settings.MaxNoise = 0.05
		cells := harness.Judge(done(noisy, &lane{device: silent})).Columns[0].Cells
		Expect(cells).To(HaveEach(And(HaveField("Verdict", harness.Optional), HaveField("Confidence", And(BeNumerically(">", 0.99), BeNumerically("<", 1))))))
	})

	It("is not learnt of noise from what could not be judged", func() {
		run := newRun(silent)
		run.Settings.MaxNoise = 0.05
		for number := range 40 {
			run.Results = append(run.Results, harness.Result{
				Trial:    harness.Trial{Number: number + 1, Fault: harness.Reject, Regime: harness.Steady},
				Outcomes: map[string]harness.Outcome{"app": {Answer: []harness.Answer{harness.Fail, harness.Inconclusive, harness.Inconclusive, harness.Pass}[number%4]}},
			})
		}
		Expect(harness.Judge(run).Columns[0].FalseFail).To(BeNumerically("~", 11.0/40, 0.001), "10 of 20 failed, after a prior of 1 in 20")
	})

	It("is not less certain since another scenario is flaky", func() {
		flaky := newRun(silent)
		flaky.Settings.MaxNoise = 0.05
		var certain []float64
		for _, fails := range []bool{false, true} {
			controls := 0
			run := done(flaky, &lane{device: silent, after: func(r *harness.Result) {
				if r.Trial.Control() {
					controls++
					if fails && controls%2 == 0 {
						r.Outcomes["hass"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "stumbled"}, false
					}
				}
			}})
			app, hass := harness.Judge(run).Columns[0], harness.Judge(run).Columns[1]
			Expect(app.FalseFail).To(Equal(0.05))
			Expect(hass.FalseFail > 0.05).To(Equal(fails))
			certain = append(certain, app.Cells[destination("ads")].Confidence)
		}
		Expect(certain[1]).To(BeNumerically(">=", certain[0]))
	})
})
