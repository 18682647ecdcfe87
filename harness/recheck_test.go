package harness_test

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("an earlier matrix", func() {
	needs := func(name string, works func(func(string) bool) bool) map[string]func(func(string) bool) bool {
		return map[string]func(func(string) bool) bool{name: works}
	}
	clock := func(r func(string) bool) bool { return r("time1") || r("time2") || r("time3") }
	known := harness.Known{Source: "old.run", Columns: []harness.KnownColumn{{
		Scenario: "app", Regime: harness.Steady, Fault: harness.Reject,
		Cuts: [][]harness.Destination{{destination("cloud")}, {destination("time1"), destination("time2"), destination("time3")}},
		Verdicts: map[harness.Destination]harness.Verdict{
			destination("cloud"): harness.Required, destination("time1"): harness.Alternative, destination("time2"): harness.Alternative, destination("time3"): harness.Alternative,
			destination("ads"): harness.Optional, destination("log"): harness.Degraded, destination("spare"): harness.Optional,
		},
		Fallbacks: map[harness.Destination][][]harness.Destination{destination("spare"): {{destination("cloud")}}},
	}}}
	before := formula{
		contacts: []string{"cloud", "time1", "time2", "time3", "ads", "log"}, fallbacks: map[string]string{"spare": "cloud"},
		scenarios: needs("app", func(r func(string) bool) bool { return r("cloud") && clock(r) }),
	}
	recheck := func(ctx context.Context, device formula, known harness.Known) (run harness.Run, verdicts map[string]harness.Verdict, trials int) {
		GinkgoHelper()
		run = newRun(device)
		run.Settings.Known = &known
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: device}}, Journal: &memory{}}
		Expect(e.Do(ctx)).To(Succeed())
		Expect(e.Run.Status).To(Equal(harness.Complete))
		verdicts = map[string]harness.Verdict{}
		for d, cell := range harness.Judge(e.Run).Columns[0].Cells {
			verdicts[d.Host()] = cell.Verdict
		}
		for _, result := range e.Run.Results {
			if !result.Trial.Control() {
				trials++
			}
		}
		return e.Run, verdicts, trials
	}

	It("is tested in a trial for each cut and two more, and its verdicts stay", func(ctx SpecContext) {
		run, verdicts, trials := recheck(ctx, before, known)
		Expect(trials).To(Equal(4))
		Expect(verdicts).To(Equal(map[string]harness.Verdict{
			"cloud.example": harness.Required, "time1.example": harness.Alternative, "time2.example": harness.Alternative, "time3.example": harness.Alternative,
			"ads.example": harness.Optional, "log.example": harness.Degraded, "spare.example": harness.Optional,
		}))
		column := harness.Judge(run).Columns[0]
		Expect(column.Certified).To(Equal(harness.Rechecked))
		Expect(column.Cells[destination("cloud")].Why).To(HavePrefix("With only this at the block it failed"), "this run proves it by itself")
		Expect(column.Cells[destination("time1")].Why).To(ContainSubstring("rests on old.run"))
		Expect(column.Cells[destination("ads")].Why).To(ContainSubstring("rests on old.run"))
		Expect(column.Cells[destination("spare")].OnlyWhile).To(Equal([]string{"c1"}))
		last := run.Results[len(run.Results)-1]
		Expect(last.Trial.Block).To(Equal(harness.Judge(run).Safe[0].Destinations), "the last trial blocks the safe list")
	})

	It("is corrected by what the trials show", func(ctx SpecContext) {
		now := before
		now.scenarios = needs("app", func(r func(string) bool) bool { return r("ads") && clock(r) })
		_, verdicts, _ := recheck(ctx, now, known)
		Expect(verdicts).To(HaveKeyWithValue("ads.example", harness.Required))
		Expect(verdicts).To(HaveKeyWithValue("cloud.example", harness.Optional))
		Expect(verdicts).To(HaveKeyWithValue("time1.example", harness.Alternative))
	})

	It("does not know what is new", func(ctx SpecContext) {
		now := before
		now.contacts = append([]string{"new", "newer"}, before.contacts...)
		now.scenarios = needs("app", func(r func(string) bool) bool { return r("cloud") && r("new") && clock(r) })
		_, verdicts, _ := recheck(ctx, now, known)
		Expect(verdicts).To(HaveKeyWithValue("new.example", harness.Required))
		Expect(verdicts).To(HaveKeyWithValue("newer.example", harness.Optional))
	})

	It("may need something that is not contacted any more", func(ctx SpecContext) {
		now := before
		now.contacts, now.fallbacks = []string{"time1", "time2", "time3", "ads", "log"}, nil
		now.scenarios = needs("app", clock)
		_, verdicts, _ := recheck(ctx, now, known)
		Expect(verdicts).To(HaveKeyWithValue("cloud.example", harness.NotExercised))
		Expect(verdicts).NotTo(HaveKey("spare.example"))
	})

	It("is tested with each fault", func(ctx SpecContext) {
		run, both, dropped := newRun(before), known, known.Columns[0]
		dropped.Fault = harness.Drop
		both.Columns = append(slices.Clone(known.Columns), dropped)
		run.Settings.Known, run.Settings.Faults = &both, []harness.Fault{harness.Reject, harness.Drop}
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: before}}, Journal: &memory{}}
		Expect(e.Do(ctx)).To(Succeed())
		trials := slices.DeleteFunc(slices.Clone(e.Run.Results), func(r harness.Result) bool { return r.Trial.Control() })
		Expect(trials).To(HaveLen(8))
		for _, column := range harness.Judge(e.Run).Columns {
			Expect(column.Certified).To(Equal(harness.Rechecked))
		}
	})

	It("is tested by two lanes in as many trials", func(ctx SpecContext) {
		run := newRun(before)
		run.Settings.Known, run.Settings.Lanes = &known, 2
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: before}, &lane{device: before}}, Journal: &memory{}}
		Expect(e.Do(ctx)).To(Succeed())
		trials := slices.DeleteFunc(slices.Clone(e.Run.Results), func(r harness.Result) bool { return r.Trial.Control() })
		Expect(trials).To(HaveLen(4))
		Expect(harness.Judge(e.Run).Columns[0].Certified).To(Equal(harness.Rechecked))
	})

	It("says how often what is contacted, so that a block waits for it", func() {
		run, daily := newRun(before), known
		daily.Periods = map[harness.Destination]time.Duration{destination("cloud"): 24 * time.Hour, destination("ads"): time.Hour}
		run.Settings.Known = &daily
		Expect(run.Periods()).To(Equal(daily.Periods), "before the device was seen at all")
	})

	It("asks nothing of a fallback of another scenario, which no passing trial can try", func(ctx SpecContext) {
		now, both := before, known
		now.scenarios = map[string]func(func(string) bool) bool{"app": before.scenarios["app"], "home": func(func(string) bool) bool { return true }}
		home := harness.KnownColumn{Scenario: "home", Regime: harness.Steady, Fault: harness.Reject, Verdicts: map[harness.Destination]harness.Verdict{}}
		for d := range known.Columns[0].Verdicts {
			home.Verdicts[d] = harness.Optional
		}
		both.Columns = append(slices.Clone(known.Columns), home)
		run, _, trials := recheck(ctx, now, both)
		Expect(trials).To(Equal(4))
		for _, column := range harness.Judge(run).Columns {
			Expect(column.Certified).To(Equal(harness.Rechecked))
			Expect(column.Cells[destination("spare")].Verdict).To(Equal(harness.Optional))
		}
	})

	It("does not spare the search of a scenario that it does not have", func(ctx SpecContext) {
		now := before
		now.scenarios = map[string]func(func(string) bool) bool{"app": before.scenarios["app"], "shop": func(r func(string) bool) bool { return r("ads") }}
		run, _, _ := recheck(ctx, now, known)
		shop := harness.Judge(run).Columns[1]
		Expect(shop.Certified).To(Equal("exact"))
		Expect(shop.Cells[destination("ads")].Verdict).To(Equal(harness.Required))
	})

	It("is proved again as a whole if that is wanted", func(ctx SpecContext) {
		whole := known
		whole.Whole = true
		run, _, trials := recheck(ctx, before, whole)
		Expect(trials).To(BeNumerically(">", 4))
		column := harness.Judge(run).Columns[0]
		Expect(column.Certified).To(Equal("exact"))
		for _, cell := range column.Cells {
			Expect(cell.Why).NotTo(ContainSubstring("old.run"))
		}
	})
})
