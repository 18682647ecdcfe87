package harness_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("trust", func() {
	plug := formula{
		contacts:  []string{"cloud", "ads"},
		scenarios: map[string]func(func(string) bool) bool{"app": func(r func(string) bool) bool { return r("cloud") }},
	}

	It("ends a run with the reason when a trial could not be carried out, whatever kind of error that is", func() {
		for _, kind := range []error{context.DeadlineExceeded, context.Canceled, fmt.Errorf("no such chain")} {
			ctx, end := context.WithCancel(context.Background())
			broken := &unable{lane: lane{device: plug}, err: kind, end: end}
			experiment := &harness.Experiment{Run: newRun(plug), Lanes: []harness.Lane{broken}, Journal: &memory{}}
			Expect(experiment.Do(ctx)).To(MatchError(kind))
			Expect(experiment.Run.Status).To(Equal(harness.Interrupted))
			Expect(experiment.Run.Why).To(And(ContainSubstring("trial 3 could not be carried out"), ContainSubstring(kind.Error())))
			Expect(ctx.Err()).NotTo(HaveOccurred(), "the run ended by itself")
			end()
		}
	})

	It("puts an error down to the interruption when the run is interrupted", func() {
		ctx, end := context.WithCancel(context.Background())
		end()
		broken := &unable{lane: lane{device: plug}, err: fmt.Errorf("signal: killed"), end: end}
		experiment := &harness.Experiment{Run: newRun(plug), Lanes: []harness.Lane{broken}, Journal: &memory{}}
		Expect(experiment.Do(ctx)).To(Succeed())
		Expect(experiment.Run.Status).To(Equal(harness.Interrupted))
		Expect(experiment.Run.Why).To(BeEmpty())
	})

	// told is a result of a lane: a control, or a trial of what is named.
	told := func(lane int, passed, recovered bool, block ...string) harness.Result {
		result := harness.Result{Lane: lane, Sitting: 1, Recovered: recovered, Trial: harness.Trial{Fault: harness.Reject, Regime: harness.Steady}}
		for _, word := range []string{"ads", "cloud"} {
			contact := harness.Contact{Destination: destination(word), Tries: 1}
			for _, blocked := range block {
				if blocked == word {
					contact.Attempts, contact.Touched = 1, 1
					result.Trial.Block = append(result.Trial.Block, destination(word))
				}
			}
			result.Seen.Contacts = append(result.Seen.Contacts, contact)
		}
		outcome := harness.Outcome{Answer: harness.Pass}
		if !passed {
			outcome = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}
		result.Outcomes = map[string]harness.Outcome{"app": outcome}
		return result
	}
	// ads is the verdict on the advertisements after these results.
	ads := func(results ...harness.Result) harness.Verdict {
		run := newRun(plug)
		for i, result := range results {
			result.Trial.Number = i + 1
			run.Results = append(run.Results, result)
		}
		return harness.Judge(run).Columns[0].Cells[destination("ads")].Verdict
	}

	It("needs a lane's own good control, not another lane's", func() {
		Expect(ads(
			told(1, true, true), told(2, true, true),
			told(2, false, false, "ads"), // the device on lane 2 has died
			told(1, true, true),
			told(2, false, false),
		)).To(Equal(harness.Undecided))
		Expect(ads(
			told(1, true, true), told(2, true, true),
			told(2, false, false, "ads"),
			told(1, false, false),
			told(2, true, true),
		)).To(Equal(harness.Required), "nor does another lane's bad one count")
	})

	It("waits for a good control after a trial from which the device did not recover", func() {
		Expect(ads(told(1, true, true), told(1, false, false, "ads"))).To(Equal(harness.Undecided))
		Expect(ads(told(1, true, true), told(1, false, true, "ads"))).To(Equal(harness.Required))
		Expect(ads(told(1, true, true), told(1, false, false, "ads"), told(1, true, true))).To(Equal(harness.Required))
	})

	It("ends with a sitting: a device that was repaired before the next one says nothing of the last", func() {
		later := told(1, true, true)
		later.Sitting = 2
		Expect(ads(told(1, true, true), told(1, false, false, "ads"), later)).To(Equal(harness.Undecided))
	})

	// after carries out an experiment whose lanes change results as after says.
	after := func(device formula, every int, afters ...func(*harness.Result)) (done harness.Run) {
		GinkgoHelper()
		endless := false
		synctest.Test(suite, func(*testing.T) {
			run := newRun(device)
			run.Settings.ControlEvery, run.Settings.Lanes = every, len(afters)
			experiment := &harness.Experiment{Run: run, Journal: &memory{}}
			ctx, end := context.WithTimeout(context.Background(), time.Hour)
			defer end()
			for i, after := range afters {
				lane := newSlowLane(device, rand.New(rand.NewPCG(uint64(i), 0)))
				lane.after = after
				experiment.Lanes = append(experiment.Lanes, lane)
			}
			_ = experiment.Do(ctx) // its status says the same
			done, endless = experiment.Run, ctx.Err() != nil
		})
		Expect(endless).To(BeFalse(), "the run ends by itself")
		return done
	}
	suspect := func(r *harness.Result) {
		if !r.Trial.Control() {
			r.Suspect = "there was traffic that cannot be attributed"
		}
	}
	fine := func(*harness.Result) {}

	It("gives up on trials that may never be used, though every control between them is good", func() {
		for _, afters := range [][]func(*harness.Result){{suspect}, {suspect, suspect}, {suspect, suspect, suspect, suspect}} {
			done := after(plug, 1, afters...)
			Expect(done.Status).To(Equal(harness.Interrupted))
			Expect(done.Why).To(ContainSubstring("traffic that cannot be attributed"))
		}
	})

	It("gets by with one good lane", func() {
		Expect(after(plug, 1, suspect, fine).Status).To(Equal(harness.Complete))
	})

	It("gives up when one set can never be judged, though all others can", func() {
		done := after(plug, 0, func(r *harness.Result) {
			if len(r.Trial.Block) == 1 && r.Trial.Block[0] == destination("cloud") {
				suspect(r)
			}
		})
		Expect(done.Status).To(Equal(harness.Interrupted))
		Expect(done.Why).To(ContainSubstring("traffic that cannot be attributed"))
	})

	It("gives up when a scenario can never be judged while something is blocked, though the others can", func() {
		two := formula{contacts: plug.contacts, scenarios: map[string]func(func(string) bool) bool{"app": always, "hass": always}}
		done := after(two, 0, func(r *harness.Result) {
			if !r.Trial.Control() {
				r.Outcomes["hass"] = harness.Outcome{Answer: harness.Inconclusive, Why: "a poll was deferred"}
			}
		})
		Expect(done.Status).To(Equal(harness.Interrupted))
		Expect(done.Why).To(ContainSubstring("hass: a poll was deferred"))
	})

	It("does not take a control that could not be judged for a failed one", func() {
		absent := 0
		away := func(r *harness.Result) { // the controller restarts
			if absent++; absent > 1 && absent < 6 {
				r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Inconclusive, Why: "the controller is away"}, false
			}
		}
		Expect(after(plug, 1, away).Status).To(Equal(harness.Complete))
		gone := after(plug, 1, func(r *harness.Result) {
			r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Inconclusive, Why: "the controller is away"}, false
		})
		Expect(gone.Status).To(Equal(harness.Interrupted), "it does not fail with nothing blocked")
		Expect(gone.Why).To(MatchRegexp(`6 trials in a row could not be judged, over .*: app: the controller is away; resume the run once the cause is gone`))
	})

	It("gives up on a lane whose device keeps failing, though another lane's works", func() {
		dead := func(r *harness.Result) {
			r.Outcomes["app"], r.Recovered = harness.Outcome{Answer: harness.Fail, Why: "no answer"}, false
		}
		done := after(plug, 1, fine, dead)
		Expect(done.Status).To(Equal(harness.Failed))
		Expect(done.Why).To(ContainSubstring("app: no answer"))
	})
})

// unable carries out two controls and nothing else. It ends the run when that is
// asked of it too often.
type unable struct {
	lane
	err error
	end func()
}

func (u *unable) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result, err := u.lane.Run(ctx, trial)
	if len(u.asked) > 50 {
		u.end()
	}
	if len(u.asked) > 2 || err != nil {
		return result, fmt.Errorf("blocking: %w", u.err)
	}
	return result, nil
}
