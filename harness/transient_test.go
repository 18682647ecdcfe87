package harness_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// stalls is a bench whose scenario fails for so long after "server" is blocked.
func stalls(g *gateway, stall time.Duration) *harness.Bench {
	patient := timing
	patient.Persist = timing.Settle
	return &harness.Bench{Gateway: g, Timing: patient, Scenarios: []harness.Scenario{works(func() bool {
		return !g.blocks("server") || time.Since(g.since) >= stall
	})}}
}

func TestAFailureThatPassesByItselfIsTransient(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		result, err := stalls(g, 17*time.Second).Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		outcome := result.Outcomes["app"]
		expect.Expect(outcome.Answer).To(Equal(harness.Pass))
		expect.Expect(outcome.Transient.Failed).To(BeNumerically("~", timing.Settle, time.Second))
		expect.Expect(outcome.Transient.Worked).To(BeNumerically("~", 17*time.Second, 3*time.Second))
	})
}

func TestATransientFailureIsNotForgottenWhileTheBlockIsHeldOn(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		held := trial("server")
		held.Hold = 5 * time.Minute
		result, err := stalls(g, 17*time.Second).Run(context.Background(), held)
		expect.Expect(err).NotTo(HaveOccurred())
		outcome := result.Outcomes["app"]
		expect.Expect(outcome.Answer).To(Equal(harness.Pass))
		expect.Expect(outcome.Transient).To(HaveValue(And(HaveField("Before", BeZero()), HaveField("Worked", BeNumerically("<", time.Minute)))))
	})
}

func TestALaterTransientFailureSaysSinceWhenTheFunctionHadWorked(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		bench := stalls(g, 0)
		bench.Timing.Persist = time.Minute
		bench.Scenarios = []harness.Scenario{works(func() bool {
			at := time.Since(g.since)
			return !g.blocks("server") || at < time.Minute || at > 80*time.Second
		})}
		held := trial("server")
		held.Hold = 5 * time.Minute
		result, err := bench.Run(context.Background(), held)
		expect.Expect(err).NotTo(HaveOccurred())
		transient := result.Outcomes["app"].Transient
		expect.Expect(transient).NotTo(BeNil())
		expect.Expect(transient.Before).To(And(BeNumerically(">", 0), BeNumerically("<", time.Minute)))
		expect.Expect(transient.Failed).To(BeNumerically(">=", time.Minute))
	})
}

func TestAFailureThatLastsIsJudgedWhileTheBlockStands(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		result, err := stalls(g, time.Hour).Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
		expect.Expect(result.Outcomes["app"].Transient).To(BeNil())
		expect.Expect(result.Held).To(BeNumerically(">=", 2*timing.Settle))
	})
}

func TestWithoutPersistOneFailingCheckIsAnAnswer(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		bench := stalls(g, 17*time.Second)
		bench.Timing.Persist = 0
		result, err := bench.Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
		expect.Expect(result.Held).To(BeNumerically("~", timing.Settle, time.Second))
	})
}

var _ = Describe("a failure that may pass by itself", func() {
	clock := formula{
		contacts: []string{"time1", "time2", "cloud"},
		scenarios: map[string]func(func(string) bool) bool{
			"app": func(r func(string) bool) bool { return r("cloud") },
		},
	}
	experiment := func(confirm int, after func(*harness.Result)) harness.Run {
		GinkgoHelper()
		run := newRun(clock)
		run.Settings.Confirm = confirm
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{&lane{device: clock, after: after}}, Journal: &memory{}}
		Expect(e.Do(context.Background())).To(Succeed())
		return e.Run
	}
	alone := func(r harness.Result, word string) bool {
		return len(r.Trial.Block) == 1 && r.Trial.Block[0] == destination(word)
	}

	It("is a need only after a second trial, of its own", func() {
		cells := harness.Judge(experiment(2, nil)).Columns[0].Cells
		Expect(cells[destination("cloud")]).To(And(HaveField("Verdict", harness.Required), HaveField("Trials", HaveLen(2))))
		Expect(harness.Judge(experiment(0, nil)).Columns[0].Cells[destination("cloud")].Trials).To(HaveLen(1), "a lab relies on one answer")
	})

	It("is undecided after one, and the reason says what is missing", func() {
		run := experiment(2, nil)
		results := run.Results
		after := func(trials int) map[harness.Destination]harness.Cell {
			run.Results = results[:trials]
			return harness.Judge(run).Columns[0].Cells
		}
		Expect(after(1)[destination("time1")].Why).To(Equal("No trial has shown yet whether it works without this."))
		failed := slices.IndexFunc(results, func(r harness.Result) bool { return alone(r, "cloud") })
		last := results[failed].Trial.Number
		Expect(after(failed + 1)[destination("cloud")]).To(And(
			HaveField("Verdict", harness.Undecided), HaveField("Trials", []int{last}),
			HaveField("Why", fmt.Sprintf("With only this at the block it failed in trial %d. Still missing: another trial that confirms it.", last))))
		first := slices.IndexFunc(results, func(r harness.Result) bool { return !r.Trial.Control() })
		Expect(after(first + 1)[destination("time1")].Why).To(Equal("It failed with this and 2 others blocked, in trial 3. Still missing: trials that confirm it, or show which of them it needs."))
		passed := slices.IndexFunc(results, func(r harness.Result) bool {
			return slices.Contains(r.Trial.Block, destination("time1")) && r.Outcomes["app"].Answer == harness.Pass
		})
		Expect(after(passed + 1)[destination("time1")].Why).To(Equal(fmt.Sprintf(
			"It worked without this in trial %d. Still missing: trials that show whether it is one of several of which some are needed.", results[passed].Trial.Number)))
	})

	It("is no need if the second trial passes", func() {
		stumbled := false
		run := experiment(2, func(r *harness.Result) {
			if !stumbled && alone(*r, "time1") {
				stumbled = true
				r.Outcomes["app"] = harness.Outcome{Answer: harness.Fail, Why: "a stall"}
			}
		})
		Expect(run.Status).To(Equal(harness.Complete))
		Expect(harness.Judge(run).Columns[0].Cells[destination("time1")].Verdict).NotTo(Equal(harness.Required))
	})

	It("is degraded, with its times, if the function works again under the block", func() {
		run := experiment(2, func(r *harness.Result) {
			r.Held = 20 * time.Second
			for _, d := range r.Trial.Block {
				if outcome := r.Outcomes["app"]; d == destination("time1") && outcome.Answer == harness.Pass {
					outcome.Transient = &harness.Transient{Failed: 12 * time.Second, Worked: 17 * time.Second}
					r.Outcomes["app"] = outcome
				}
			}
		})
		cells := harness.Judge(run).Columns[0].Cells
		Expect(cells[destination("time1")].Verdict).To(Equal(harness.Degraded))
		Expect(cells[destination("time1")].Why).To(ContainSubstring("interrupts the scenario for about 17 s"))
		Expect(cells[destination("time2")].Verdict).To(Equal(harness.Optional), "it was tried in a trial without a transient failure")
		Expect(cells[destination("cloud")].Verdict).To(Equal(harness.Required))
	})

	It("is put down only to what was tried just before it, if the function had worked under the same block", func() {
		run := experiment(2, func(r *harness.Result) {
			r.Held = time.Hour
			outcome := r.Outcomes["app"]
			if r.Trial.Control() || outcome.Answer != harness.Pass {
				return
			}
			outcome.Transient = &harness.Transient{Before: 30 * time.Minute, Failed: 31 * time.Minute, Worked: 33 * time.Minute}
			r.Outcomes["app"] = outcome
			for i, contact := range r.Seen.Contacts {
				r.Seen.Contacts[i].Attempted = r.Started
				if contact.Destination == destination("time1") {
					r.Seen.Contacts[i].Attempted = r.Started.Add(31 * time.Minute)
				}
			}
		})
		cells := harness.Judge(run).Columns[0].Cells
		Expect(cells[destination("time1")]).To(And(HaveField("Verdict", harness.Degraded), HaveField("Why", ContainSubstring("interrupts the scenario for about 3 min"))))
		Expect(cells[destination("time2")].Verdict).To(Equal(harness.Optional))
	})

	It("is put down to nothing else if a part of a row was blocked, nor called harmless by a trial that was too short to show it", func() {
		// Names that never repeat are one row in the end. In the trial before, two of them
		// were blocked by name, and the function worked again by a third.
		every := harness.Destination{Protocol: "tcp", Port: 443, Name: "*.data.example"}
		some := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "a1.data.example"}, {Protocol: "tcp", Port: 443, Name: "b2.data.example"}}
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		add := func(held time.Duration, transient *harness.Transient, block ...harness.Destination) {
			result := harness.Result{
				Trial: harness.Trial{Number: len(run.Results) + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady}, Recovered: true, Held: held,
				Outcomes: map[string]harness.Outcome{"app": {Answer: harness.Pass, Transient: transient}},
			}
			for _, d := range append([]harness.Destination{destination("cloud"), every}, some...) {
				contact := harness.Contact{Destination: d, Tries: 1}
				for _, blocked := range block {
					if blocked == d {
						contact.Attempts, contact.Touched = 1, 1
					}
				}
				result.Seen.Contacts = append(result.Seen.Contacts, contact)
			}
			run.Results = append(run.Results, result)
		}
		add(5*time.Second, nil)
		add(5*time.Second, nil)
		add(8*time.Second, &harness.Transient{Failed: 6 * time.Second, Worked: 8 * time.Second}, append([]harness.Destination{destination("cloud")}, some...)...)
		add(5*time.Second, nil, every)
		add(8*time.Second, nil, destination("cloud"))
		add(5*time.Second, nil, destination("cloud"), every)
		cells := harness.Judge(run).Columns[0].Cells
		Expect(cells).To(HaveLen(2))
		Expect(cells[destination("cloud")].Verdict).To(Equal(harness.Optional), "a trial that lasted long enough shows that it is not this")
		Expect(cells[every].Verdict).To(Equal(harness.Degraded))
		Expect(cells[every].Why).To(And(ContainSubstring("interrupts the scenario for about 8 s"), ContainSubstring("The same trial blocked cloud.example: it may be that")))
	})
})
