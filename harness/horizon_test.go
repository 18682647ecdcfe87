package harness_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// forgiving is a home whose device stops when what it contacts once a day, or another
// destination, was missed for so many times in a row.
func forgiving(word string, misses int) (*punctual, harness.Scenario) {
	g := home()
	return g, works(func() bool {
		contact, _ := g.contact(word)
		return !g.blocks("cloud") && (!g.blocks(word) || contact.Tries < misses)
	})
}

// decided is a run on a bench of virtual time, until it is over.
func decided(change func(*harness.Run), gateway harness.Gateway, scenarios ...harness.Scenario) (done harness.Run) {
	GinkgoHelper()
	return decidedAndTold(change, nil, gateway, scenarios...)
}

// decidedAndTold tells of each step, too.
func decidedAndTold(change func(*harness.Run), tell func(harness.Event), gateway harness.Gateway, scenarios ...harness.Scenario) harness.Run {
	GinkgoHelper()
	return decidedAfter(84*hour, change, tell, gateway, scenarios...)
}

// decidedAfter observes the device for so long at first.
func decidedAfter(first time.Duration, change func(*harness.Run), tell func(harness.Event), gateway harness.Gateway, scenarios ...harness.Scenario) (done harness.Run) {
	GinkgoHelper()
	device := formula{scenarios: map[string]func(func(string) bool) bool{}}
	for _, scenario := range scenarios {
		device.scenarios[scenario.Name] = always
	}
	var err error
	synctest.Test(suite, func(*testing.T) {
		e := &harness.Experiment{Run: newRun(device), Journal: &memory{}, Notify: tell}
		e.Run.Settings.Settle = patient.Settle
		change(&e.Run)
		bench := &harness.Bench{Number: 1, Gateway: gateway, Scenarios: scenarios, Timing: patient, First: first}
		bench.Wake = func(context.Context) error { return nil }
		e.Lanes = []harness.Lane{bench}
		err = e.Do(context.Background())
		done = e.Run
	})
	Expect(err).NotTo(HaveOccurred())
	return done
}

func cellOf(run harness.Run, word string) harness.Cell {
	return harness.Judge(run).Columns[0].Cells[destination(word)]
}

var _ = Describe("the horizon", Label("norace"), func() {
	horizon := func(h time.Duration) func(*harness.Run) {
		return func(run *harness.Run) { run.Settings.Horizon = h }
	}

	It("finds what fails only after it was missed for the third time", func() {
		g, app := forgiving("daily", 3)
		done := decided(horizon(4*day), g, app)
		Expect(done.Status).To(Equal(harness.Complete))
		verdicts := map[string]harness.Verdict{}
		for _, word := range []string{"cloud", "daily", "hourly", "start"} {
			verdicts[word] = cellOf(done, word).Verdict
		}
		Expect(verdicts).To(Equal(map[string]harness.Verdict{
			"cloud": harness.Required, "daily": harness.Required, "hourly": harness.Optional, "start": harness.NotExercised,
		}))
		Expect(cellOf(done, "daily")).To(And(HaveField("Held", BeNumerically(">", 2*day)), HaveField("HeldAttempts", 3)))
		Expect(cellOf(done, "cloud").Held).To(BeNumerically("<", hour))
		Expect(cellOf(done, "hourly")).To(And(HaveField("Held", BeNumerically(">=", 4*day)), HaveField("HeldAttempts", BeNumerically(">=", 90))))
		Expect(harness.Judge(done).Safe[0]).To(And(HaveField("Held", BeNumerically(">=", 4*day)), HaveField("Destinations", ConsistOf(destination("hourly")))))
	})

	It("holds what each scenario alone works without, which may be more than what all of them do", func() {
		g, hass := home(), harness.Scenario{Name: "hass"}
		daily := func() bool { contact, _ := g.contact("daily"); return g.blocks("daily") && contact.Tries >= 3 }
		hass.Check = works(func() bool { return !g.blocks("cloud") || !daily() }).Check
		done := decided(horizon(4*day), g, works(func() bool { return !g.blocks("cloud") }), hass)
		Expect(done.Status).To(Equal(harness.Complete))
		matrix := harness.Judge(done)
		Expect(matrix.Columns[0].Cells[destination("daily")].Verdict).To(Equal(harness.Optional))
		Expect(matrix.Columns[1].Cells[destination("daily")].Verdict).To(Equal(harness.Alternative))
		for _, list := range matrix.Safe {
			Expect(list.Held).To(BeNumerically(">=", 4*day), "%v", list.Columns)
		}
		joint := matrix.Safe[2].Destinations
		Expect(done.Results[len(done.Results)-1].Trial.Block).To(ConsistOf(joint))
	})

	It("finds that something is required which the device tried, by chance, only with something else blocked", func() {
		g := &punctual{clocks: map[string]punctuality{"cloud": {0, minute}, "rare": {66 * minute, 20 * hour}}}
		done := decidedAfter(hour, horizon(40*hour), nil, g, works(func() bool { return !g.missed("rare") }))
		Expect(cellOf(done, "rare").Verdict).To(Equal(harness.Required))
		Expect(cellOf(done, "cloud").Verdict).To(Equal(harness.Optional))
	})

	It("tells apart what fails late from what was tried for the first time at that moment", func() {
		g, app := forgiving("hourly", 60)
		g.clocks["weekly"] = punctuality{60*hour + 9*minute, 7 * day}
		done := decided(horizon(4*day), g, app)
		Expect(cellOf(done, "hourly").Verdict).To(Equal(harness.Required))
		Expect(cellOf(done, "daily").Verdict).To(Equal(harness.Optional))
	})

	It("does not follow from how long the device took to try the only destination that was blocked", func() {
		g, app := forgiving("daily", 1)
		done := decided(horizon(2*hour), g, app)
		Expect(cellOf(done, "daily").Verdict).To(Equal(harness.Required))
		for _, result := range done.Results {
			Expect(result.Trial.Hold).To(BeNumerically("<=", 2*hour), "trial %d", result.Trial.Number)
		}
	})

	It("does not follow from what had been tried before, once something else is known to fail at its first try", func() {
		log, daily, began := destination("log"), destination("daily"), time.Now()
		tried := func(d harness.Destination, after time.Duration) harness.Contact {
			at := began.Add(after)
			return harness.Contact{Destination: d, Tries: 1, Attempts: 1, Touched: 1, First: at, Last: at, Attempted: at}
		}
		result := func(number int, outcome harness.Outcome, held time.Duration, contacts ...harness.Contact) harness.Result {
			block := []harness.Destination{}
			for _, contact := range contacts {
				block = append(block, contact.Destination)
			}
			return harness.Result{
				Trial: harness.Trial{Number: number, Block: block, Fault: harness.Reject, Regime: harness.Steady}, Lane: 1, Sitting: 1, Recovered: true,
				Started: began, Held: held, Outcomes: map[string]harness.Outcome{"app": outcome}, Seen: harness.Observation{Contacts: contacts},
			}
		}
		fails := func(touched ...harness.Destination) harness.Outcome {
			return harness.Outcome{Answer: harness.Fail, Broke: &harness.Broke{Worked: hour, After: 3 * hour, Touched: touched}}
		}
		late := result(1, fails(log, daily), 3*hour, tried(log, minute), tried(daily, 2*hour))
		alone := result(2, fails(daily), 3*hour, tried(daily, 2*hour))
		passes := result(3, harness.Outcome{Answer: harness.Pass}, minute, tried(log, minute/2))
		verdict := func(results ...harness.Result) harness.Verdict {
			run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
			run.Settings.Settle, run.Settings.Order, run.Results = patient.Settle, "exact", results
			return cellOf(run, "log").Verdict
		}
		Expect(verdict(late, passes)).NotTo(Equal(harness.Optional))
		Expect(verdict(late, alone, passes)).To(Equal(harness.Optional))
	})

	It("is not what makes trials long: what was tried last before a late failure is tried alone", func() {
		servers := []string{"cloud", "log", "time", "updates"}
		g := &punctual{clocks: map[string]punctuality{"names": {41 * minute, 45 * minute}}}
		for _, server := range servers {
			g.clocks[server] = punctuality{0, minute}
		}
		done := decided(func(*harness.Run) {}, g, works(func() bool {
			blocked := slices.DeleteFunc(slices.Clone(servers), func(server string) bool { return !g.blocks(server) })
			return len(blocked) < 3 && !g.missed("names")
		}))
		Expect(done.Status).To(Equal(harness.Complete))
		Expect(cellOf(done, "names").Verdict).To(Equal(harness.Required))
		Expect(harness.Judge(done).Columns[0].Cells[destination("cloud")].Verdict).To(Equal(harness.Alternative))
		var long []string
		for _, result := range done.Results {
			GinkgoWriter.Println(result.Trial.Number, result.Trial.Reason, result.Trial.Block, result.Outcomes["app"].Answer, result.Held, result.Trial.Hold)
			if result.Trial.Hold > 0 && !slices.Contains(result.Trial.Block, destination("names")) {
				long = append(long, result.Trial.Reason)
			}
		}
		Expect(long).To(HaveEach("safe list"))
	})

	It("is not what makes each trial longer than the one before", func() {
		g := home()
		g.clocks["nightly"] = punctuality{8 * hour, day / 2}
		done := decided(horizon(3*day), g, works(func() bool {
			contact, _ := g.contact("daily")
			return !g.blocks("cloud") || !g.blocks("hourly") || !g.blocks("daily") || contact.Tries < 2
		}))
		Expect(done.Status).To(Equal(harness.Complete))
		for _, word := range []string{"cloud", "hourly", "daily"} {
			Expect(cellOf(done, word).Verdict).To(Equal(harness.Alternative))
		}
		for _, result := range done.Results {
			Expect(result.Trial.Hold).To(BeNumerically("<", 9*day), "trial %d", result.Trial.Number)
		}
	})

	It("is not held to again for a period that is now known to be a little longer", func() {
		g, app := forgiving("daily", 1000)
		done := decided(horizon(0), g, app)
		atMost := func(held time.Duration) harness.Progress {
			for i, result := range done.Results {
				done.Results[i].Held = min(result.Held, held)
			}
			return harness.ProgressOf(done)
		}
		Expect(atMost(done.Horizon() - minute).Left).To(BeZero())
		Expect(atMost(done.Horizon() / 2).Left).To(BeNumerically(">", 0))
	})

	It("is not needed for what another lane has learnt to be contacted once a day", func() {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Settings.Settle = patient.Settle
		run.Scenarios[0].Person = true // who is not asked for as long as the horizon
		e := &harness.Experiment{Run: run, Journal: &memory{}}
		synctest.Test(suite, func(*testing.T) {
			for lane := range 2 {
				g, app := forgiving("daily", 1000)
				app.Name = "app"
				bench := &harness.Bench{Number: lane + 1, Gateway: g, Scenarios: []harness.Scenario{app}, Timing: patient}
				if lane == 0 { // it alone observes for days
					bench.First = 84 * hour
				}
				e.Lanes = append(e.Lanes, bench)
			}
			_ = e.Do(context.Background()) // its status says the same
		})
		Expect(e.Run.Status).To(Equal(harness.Complete))
		Expect(cellOf(e.Run, "daily")).To(And(HaveField("Verdict", harness.Optional), HaveField("HeldAttempts", BeNumerically(">=", 1))))
		for _, lane := range e.Lanes {
			Expect(lane.(*harness.Bench).Periods).To(HaveKeyWithValue(destination("daily"), BeNumerically("~", day, hour)))
		}
	})

	It("is the longest period that is known, unless a person chose one", func() {
		g, app := forgiving("daily", 1000)
		done := decided(horizon(0), g, app)
		Expect(done.Horizon()).To(BeNumerically("~", day, hour))
		Expect(cellOf(done, "daily")).To(And(HaveField("Verdict", harness.Optional), HaveField("Held", BeNumerically(">=", done.Horizon()))))
		Expect(harness.Judge(done).Safe[0].Held).To(BeNumerically(">=", done.Horizon()))

		done.Settings.For = 6 * hour
		Expect(done.Horizon()).To(Equal(6 * hour))
		done.Scenarios[0].Person = true
		Expect(done.Horizon()).To(BeZero())
	})

	It("is no reason to hold a block of a device that contacts all of it often", func() {
		g := &punctual{clocks: map[string]punctuality{"cloud": {0, minute}, "log": {0, minute}}}
		done := decided(horizon(0), g, works(func() bool { return !g.blocks("cloud") }))
		Expect(done.Horizon()).To(BeZero())
		for _, result := range done.Results[2:] {
			Expect(result.Trial.Hold).To(BeZero())
		}
	})

	It("dates a failure of a scenario that is watched, part by part", func() {
		g, app := forgiving("daily", 3)
		app.Watch = func(ctx context.Context, enough <-chan struct{}) harness.Outcome {
			good, all := 0, 0
			for {
				all++
				if app.Check(ctx).Answer == harness.Pass {
					good++
				}
				select {
				case <-time.After(minute):
					continue
				case <-enough:
				}
				if 10*good < 9*all {
					return harness.Outcome{Answer: harness.Fail, Why: "no answer for long"}
				}
				return harness.Outcome{Answer: harness.Pass}
			}
		}
		done := decided(horizon(4*day), g, app)
		Expect(cellOf(done, "daily")).To(And(HaveField("Verdict", harness.Required), HaveField("Held", BeNumerically("<", 4*day))))
		Expect(cellOf(done, "hourly").Verdict).To(Equal(harness.Optional))
	})

	It("leaves open what passed for less time than another trial took to fail", func() {
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		for i, held := range []time.Duration{minute, hour, 3 * day} {
			block := [][]string{nil, {"daily"}, {"daily", "hourly"}}[i]
			result := harness.Result{Trial: trial(block...), Held: held, Duration: held, Recovered: true, Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass}}}
			result.Trial.Number = i + 1
			for _, word := range block {
				result.Seen.Contacts = append(result.Seen.Contacts, harness.Contact{Destination: destination(word), Tries: 1, Attempts: 1, Touched: 1})
			}
			if i == 2 {
				result.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Broke: &harness.Broke{After: 3 * day, Worked: 2 * day, Touched: result.Trial.Block}}
			}
			run.Results = append(run.Results, result)
		}
		Expect(cellOf(run, "daily").Verdict).To(Equal(harness.Undecided))
		Expect(harness.Judge(run).Safe[0].Destinations).To(BeEmpty())
		run.Results = run.Results[:2]
		Expect(harness.Judge(run).Safe[0].Destinations).To(ConsistOf(destination("daily")))
	})
})
