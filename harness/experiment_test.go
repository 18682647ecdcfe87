package harness_test

import (
	"context"
	"errors"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("an experiment", func() {
	vacuum := formula{
		contacts:  []string{"cloud", "ads", "time1", "time2", "time3"},
		fallbacks: map[string]string{"spare": "ads"},
		scenarios: map[string]func(func(string) bool) bool{
			"app": func(r func(string) bool) bool {
				return r("cloud") && (r("time1") || r("time2") || r("time3")) && (r("ads") || r("spare"))
			},
			"hass": always,
		},
	}

	run := func(experiment *harness.Experiment) harness.Run {
		GinkgoHelper()
		Expect(experiment.Do(context.Background())).To(Succeed())
		return experiment.Run
	}

	verdicts := func(run harness.Run, column int) map[string]harness.Verdict {
		found := map[string]harness.Verdict{}
		for d, cell := range harness.Judge(run).Columns[column].Cells {
			found[d.Name[:len(d.Name)-len(".example")]] = cell.Verdict
		}
		return found
	}

	It("finds what is required, what are alternatives, and what is optional", func() {
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}})
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(verdicts(done, 0)).To(Equal(map[string]harness.Verdict{
			"cloud": harness.Required,
			"time1": harness.Alternative, "time2": harness.Alternative, "time3": harness.Alternative,
			"ads": harness.Alternative, "spare": harness.Alternative,
		}))
		Expect(verdicts(done, 1)).To(HaveEach(harness.Optional))
	})

	It("can be followed from its results: they lead to the trial that is under way", func() {
		followed := 0
		experiment := &harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}}
		experiment.Notify = func(event harness.Event) {
			if event.Kind == harness.Began {
				followed++
				Expect(harness.UnderWay(experiment.Run)).To(HaveValue(Equal(*event.Trial)))
			}
		}
		ctx, stop := context.WithCancel(context.Background())
		experiment.Lanes[0].(*lane).after = func(r *harness.Result) {
			if r.Trial.Number == 6 {
				stop()
			}
		}
		_ = experiment.Do(ctx)
		Expect(experiment.Run.Status).To(Equal(harness.Interrupted))
		Expect(harness.UnderWay(experiment.Run)).To(BeNil(), "it was interrupted")
		again := followed // the first trial of a sitting is not known before there is a result of it
		notify := experiment.Notify
		experiment.Notify = func(event harness.Event) {
			if event.Kind != harness.Began || len(experiment.Run.Results) > again {
				notify(event)
			}
		}
		done := run(experiment)
		Expect(followed).To(BeNumerically(">=", len(done.Results)-2))
		Expect(harness.UnderWay(done)).To(BeNil(), "it is over")
	})

	It("does not know which trial is under way on several lanes", func() {
		several := newRun(vacuum)
		several.Status, several.Settings.Lanes = harness.Running, 2
		Expect(harness.UnderWay(several)).To(BeNil())
	})

	It("tells which trial revealed a fallback", func() {
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}})
		for _, row := range harness.Judge(done).Rows {
			if row.Contact.Destination == destination("spare") {
				Expect(row.FirstSeen).To(HavePrefix("trial "))
			} else {
				Expect(row.FirstSeen).To(Equal("control"))
			}
		}
	})

	It("ends with a trial that blocks exactly the joint safe list", func() {
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}})
		safe := harness.Judge(done).Safe
		last := done.Results[len(done.Results)-1]
		joint := safe[len(safe)-1]
		Expect(joint.Columns).To(Equal([]string{"app", "hass"}))
		Expect(last.Trial.Block).To(Equal(joint.Destinations))
		Expect(joint.Trial).To(Equal(last.Trial.Number))
		Expect(joint.Destinations).To(HaveLen(3), "two of three time servers, and the advertisements or their spare")
	})

	It("begins with controls, and gives up with the reason when they keep failing", func() {
		dead := &lane{device: vacuum, after: func(r *harness.Result) {
			r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
		}}
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{dead}, Journal: &memory{}})
		Expect(done.Status).To(Equal(harness.Failed))
		Expect(done.Why).To(ContainSubstring("app: no answer"))
		Expect(dead.asked).To(HaveEach(HaveField("Block", BeEmpty())))
	})

	It("gives up when the block never holds", func() {
		leaky := &lane{device: vacuum, after: func(r *harness.Result) {
			if !r.Trial.Control() {
				r.Suspect = "the block did not hold"
			}
		}}
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{leaky}, Journal: &memory{}})
		Expect(done.Status).To(Equal(harness.Interrupted))
		Expect(done.Why).To(ContainSubstring("the block did not hold"))
		Expect(verdicts(done, 0)).To(HaveEach(harness.Undecided))
	})

	It("asks again what a failed control spoiled", func() {
		asked := 0
		drifting := &lane{device: vacuum, after: func(r *harness.Result) {
			if asked++; asked == 4 || asked == 5 {
				r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail}, false
			}
		}}
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{drifting}, Journal: &memory{}})
		Expect(done.Results[4].Trial.Control()).To(BeTrue(), "the trial before did not recover")
		Expect(done.Results[6].Trial.Reason).To(Equal(done.Results[2].Trial.Reason), "all since the last good control")
		Expect(verdicts(done, 0)).To(HaveKeyWithValue("ads", harness.Alternative))
	})

	It("asks again when answers contradict each other, and gets over one stumble", Label("norace"), func() {
		noticed := 0
		for stumble := 3; stumble < 20; stumble++ {
			clumsy := &lane{device: vacuum, after: func(r *harness.Result) {
				if r.Trial.Number == stumble {
					r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "a stumble"}
				}
			}}
			done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{clumsy}, Journal: &memory{}})
			Expect(done.Status).To(Equal(harness.Complete))
			if contradicted(done) {
				noticed++
				Expect(verdicts(done, 0)).To(HaveKeyWithValue("cloud", harness.Required), "stumble in trial %d", stumble)
				Expect(verdicts(done, 0)).To(HaveKeyWithValue("time3", harness.Alternative), "stumble in trial %d", stumble)
				Expect(verdicts(done, 0)).To(HaveKeyWithValue("spare", harness.Alternative), "stumble in trial %d", stumble)
			}
		}
		Expect(noticed).To(BeNumerically(">", 0), "some stumbles contradict something; harness/search counts how many")
	})

	It("looks after the device when a failure is surprising", func() {
		asked := 0
		clumsy := &lane{device: vacuum, after: func(r *harness.Result) {
			if r.Trial.Reason == "audit" {
				if asked++; asked == 1 {
					r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "a stumble"}
				}
			}
		}}
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{clumsy}, Journal: &memory{}})
		for i, result := range done.Results {
			if result.Outcomes["app"].Why == "a stumble" {
				Expect(done.Results[i+1].Trial.Control()).To(BeTrue(), "behind trial %d", result.Trial.Number)
			}
		}
		Expect(asked).To(BeNumerically(">", 0))
	})

	It("looks after the device as often as it is told", func() {
		often := newRun(vacuum)
		often.Settings.ControlEvery = 2
		done := run(&harness.Experiment{Run: often, Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}})
		between := 0
		for _, result := range done.Results {
			if between++; result.Trial.Control() {
				between = 0
			}
			Expect(between).To(BeNumerically("<=", 2))
		}
	})

	It("stops at its budget and lists what is open", func() {
		small := newRun(vacuum)
		small.Settings.Budget = 3
		done := run(&harness.Experiment{Run: small, Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: &memory{}})
		Expect(done.Status).To(Equal(harness.OverBudget))
		judgement := harness.Judge(done)
		Expect(judgement.Columns[0].Unknown).NotTo(BeEmpty())
		Expect(judgement.Columns[0].Certified).To(Equal("none"))
		Expect(judgement.Columns[0].Cells).To(ContainElement(HaveField("Verdict", harness.Undecided)))
	})

	It("asks the same next question when cut after any trial", Label("norace"), func() {
		whole := &lane{device: vacuum}
		done := run(&harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{whole}, Journal: &memory{}})
		for cut := 2; cut < len(done.Results); cut++ {
			rest := &lane{device: vacuum}
			resumed := newRun(vacuum)
			resumed.Results = append(resumed.Results, done.Results[:cut]...)
			finished := run(&harness.Experiment{Run: resumed, Lanes: []harness.Lane{rest}, Journal: &memory{}})
			Expect(fmt.Sprint(blocking(rest.asked))).To(Equal(fmt.Sprint(blocking(trials(done.Results[cut:])))), "cut after %d", cut)
			Expect(verdicts(finished, 0)).To(Equal(verdicts(done, 0)))
		}
	})

	It("stops with the error when a trial cannot be recorded", func() {
		experiment := &harness.Experiment{Run: newRun(vacuum), Lanes: []harness.Lane{&lane{device: vacuum}}, Journal: full{}}
		Expect(experiment.Do(context.Background())).To(MatchError(ContainSubstring("recording trial 1: no space left")))
		Expect(experiment.Run.Status).To(Equal(harness.Interrupted))
	})

	It("comes to the same verdicts on several lanes", func() {
		for _, lanes := range []int{2, 4} {
			experiment := &harness.Experiment{Run: newRun(vacuum), Journal: &memory{}}
			for range lanes {
				experiment.Lanes = append(experiment.Lanes, &lane{device: vacuum})
			}
			done := run(experiment)
			Expect(verdicts(done, 0)).To(HaveKeyWithValue("cloud", harness.Required))
			Expect(verdicts(done, 0)).To(HaveKeyWithValue("time3", harness.Alternative))
			Expect(verdicts(done, 1)).To(HaveEach(harness.Optional))
		}
	})
})

// full is a disk without space.
type full struct{}

func (full) Append(harness.Result) error { return errors.New("no space left") }

func trials(results []harness.Result) []harness.Trial {
	var trials []harness.Trial
	for _, result := range results {
		trials = append(trials, result.Trial)
	}
	return trials
}

// blocking lists the sets that were blocked, without the controls.
func blocking(trials []harness.Trial) [][]harness.Destination {
	var sets [][]harness.Destination
	for _, trial := range trials {
		if !trial.Control() {
			sets = append(sets, trial.Block)
		}
	}
	return sets
}

// contradicted reports whether answers that were trusted came to be weighed.
func contradicted(run harness.Run) bool { return harness.Judge(run).Columns[0].FalseFail > 0 }
