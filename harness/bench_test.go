package harness_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// gateway is a device and its gateway in the time of a synctest bubble: each
// destination is tried once a second, from its start on.
type gateway struct {
	starts  map[string]time.Duration // by destination: when it is first tried after a block begins
	blocked []harness.Destination
	since   time.Time
	opened  int // how often everything was unblocked
}

func (g *gateway) Block(_ context.Context, block []harness.Destination, _ harness.Fault) error {
	g.blocked, g.since = block, time.Now()
	if len(block) == 0 {
		g.opened++
	}
	return nil
}

func (g *gateway) Observe(context.Context) (harness.Observation, error) {
	seen := harness.Observation{Since: g.since}
	for word, start := range g.starts {
		first := g.since.Add(start)
		if time.Now().Before(first) {
			continue
		}
		d := destination(word)
		tries := 1 + int(time.Since(first)/time.Second)
		contact := harness.Contact{Destination: d, First: first, Tries: tries, Answered: !slices.Contains(g.blocked, d)}
		if !contact.Answered {
			contact.Attempts, contact.Touched = tries, tries
		}
		seen.Contacts = append(seen.Contacts, contact)
	}
	return seen, nil
}

func (g *gateway) blocks(word string) bool { return slices.Contains(g.blocked, destination(word)) }

var timing = harness.Timing{Settle: 10 * time.Second, Patience: 30 * time.Second, Recover: time.Minute, Look: 100 * time.Millisecond}

func works(when func() bool) harness.Scenario {
	return harness.Scenario{Name: "app", Check: func(context.Context) harness.Outcome {
		if when() {
			return harness.Outcome{Answer: harness.Pass}
		}
		return harness.Outcome{Answer: harness.Fail, Why: "no answer"}
	}}
}

func trial(words ...string) harness.Trial {
	trial := harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady}
	for _, word := range words {
		trial.Block = append(trial.Block, destination(word))
	}
	return trial
}

// inBubble runs a test in a time of its own.
func inBubble(t *testing.T, test func(expect Gomega)) {
	synctest.Test(t, func(t *testing.T) { test(NewWithT(t)) })
}

func TestAPassIsJudgedSettleAfterTheLastFirstTry(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"early": 0, "late": 7 * time.Second}}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing}
		result, err := bench.Run(context.Background(), trial("early", "late"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("~", 17*time.Second, time.Second))
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass))
		expect.Expect(g.opened).To(Equal(1))
	})
}

func TestTheFirstControlLastsAsLongAsItIsToBeObserved(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := &harness.Bench{Gateway: &gateway{}, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing, First: time.Minute}
		for _, want := range []time.Duration{time.Minute, timing.Settle} {
			result, err := bench.Run(context.Background(), trial())
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Held).To(BeNumerically("~", want, time.Second))
		}
		expect.Expect(bench.Timing).To(Equal(timing))
	})
}

func TestADormantDestinationCostsPatienceOnce(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"early": 0}}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing}
		for _, want := range []time.Duration{timing.Patience, timing.Settle} {
			result, err := bench.Run(context.Background(), trial("early", "dormant"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Held).To(BeNumerically("~", want, time.Second))
		}
	})
}

func TestAFirstTryProvokedByTheCheckIsGivenItsTime(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{}}
		checks := 0
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool {
			if checks++; checks == 1 {
				g.starts["on demand"] = time.Since(g.since)
			}
			return checks == 1 || !g.blocks("on demand")
		})}}
		result, err := bench.Run(context.Background(), trial("on demand"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail), "the second look counts")
		expect.Expect(result.Held).To(BeNumerically(">=", timing.Patience+timing.Settle))
	})
}

func TestRecoveryWaitsForWhatAnsweredInTheControl(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0, "slow": 20 * time.Second}}
		patient := timing
		patient.Settle = 25 * time.Second
		bench := &harness.Bench{Gateway: g, Timing: patient, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") })}}
		_, err := bench.Run(context.Background(), trial())
		expect.Expect(err).NotTo(HaveOccurred())
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
		expect.Expect(result.Recovered).To(BeTrue())
		expect.Expect(result.Duration - result.Held).To(BeNumerically("~", 20*time.Second, time.Second))
	})
}

func TestADeviceThatStaysBrokenIsToldByRecovered(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		sticky := false
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool {
			sticky = sticky || g.blocks("cloud")
			return !sticky
		})}}
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Recovered).To(BeFalse())
		expect.Expect(result.Duration - result.Held).To(BeNumerically(">=", timing.Recover))
	})
}

func TestADeviceThatDoesNotComeBackIsRestartedOnce(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		sticky, restarts := false, 0
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool {
			sticky = sticky || g.blocks("cloud")
			return !sticky
		})}}
		bench.Restart = func(context.Context) error {
			sticky, restarts = false, restarts+1
			return nil
		}
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Recovered).To(BeTrue())
		expect.Expect(restarts).To(Equal(1))
	})
}

func TestADeviceThatFailsTwiceWithNothingBlockedIsRestarted(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		restarts := 0
		bench := &harness.Bench{Gateway: &gateway{}, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return restarts > 0 })}}
		bench.Restart = func(context.Context) error {
			restarts++
			return nil
		}
		for _, recovered := range []bool{false, false, true} {
			control, err := bench.Run(context.Background(), trial())
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(control.Recovered).To(Equal(recovered))
		}
		expect.Expect(restarts).To(Equal(1))
	})
}

func TestADeviceIsNotRestartedForWhatCannotBeJudged(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		away := harness.Scenario{Name: "hass", Check: func(context.Context) harness.Outcome {
			return harness.Outcome{Answer: harness.Inconclusive, Why: "the controller is away"}
		}}
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true }), away}}
		restarts := 0
		bench.Restart = func(context.Context) error {
			restarts++
			return nil
		}
		for _, words := range [][]string{{}, {}, {}, {"cloud"}} {
			result, err := bench.Run(context.Background(), trial(words...))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Recovered).To(BeFalse())
		}
		expect.Expect(restarts).To(BeZero())
	})
}

func TestAnAbandonedTrialEndsEarlyAndRecovers(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") })}}
		bench.Abandon() // too early: there is nothing to abandon
		time.AfterFunc(3*time.Second, bench.Abandon)
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeTrue())
		expect.Expect(result.Outcomes).To(BeEmpty())
		expect.Expect(result.Held).To(BeNumerically("~", 3*time.Second, time.Second))
		expect.Expect(result.Recovered).To(BeTrue())

		result, err = bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeFalse())
	})
}

func TestTheFirstWindowSeesTheDeviceStart(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{}}
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		starts := 0
		bench.Wake = func(context.Context) error {
			starts++
			g.starts["boot"] = time.Since(g.since)
			return nil
		}
		for range 2 {
			result, err := bench.Run(context.Background(), trial())
			expect.Expect(err).NotTo(HaveOccurred())
			_, seen := result.Seen.Contact(destination("boot"))
			expect.Expect(seen).To(BeTrue())
		}
		expect.Expect(starts).To(Equal(1))
	})
}

func TestATrialThatTheBenchDoubtsIsSuspect(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := &harness.Bench{Gateway: &gateway{}, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		for _, doubt := range []string{"", "the machine was too busy"} {
			began := time.Now()
			bench.Doubt = func(since time.Time) string {
				expect.Expect(since).To(Equal(began))
				return doubt
			}
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Suspect).To(Equal(doubt))
		}
	})
}

func TestAfterADoubtTheNextTrialWaitsForACalmMachine(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := &harness.Bench{Gateway: &gateway{}, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		busy := time.Now() // until then
		bench.Doubt = func(since time.Time) string {
			if since.Before(busy) {
				return "the machine was too busy"
			}
			return ""
		}
		waited := func() (time.Duration, string) {
			asked := time.Now()
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			return result.Started.Sub(asked), result.Suspect
		}
		calm := func(want time.Duration, suspect string) {
			got, why := waited()
			expect.Expect(got).To(Equal(want))
			expect.Expect(why).To(Equal(suspect))
		}
		const doubt = "the machine was too busy"
		calm(0, "")
		busy = time.Now().Add(24 * time.Hour)
		calm(0, doubt)
		for _, most := range []time.Duration{2 * time.Second, 8 * time.Second, 32 * time.Second, 2 * time.Minute, 2 * time.Minute} {
			calm(most, doubt)
		}
		busy = time.Now().Add(time.Second)
		got, why := waited()
		expect.Expect(got).To(And(BeNumerically(">", time.Second), BeNumerically("<", time.Minute)), "no longer than it takes to see that the machine is calm")
		expect.Expect(why).To(BeEmpty())
		calm(0, "")
	})
}

func TestAnInterruptedTrialUnblocks(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		_, err := bench.Run(ctx, trial("cloud"))
		expect.Expect(err).To(MatchError(context.DeadlineExceeded))
		expect.Expect(g.blocked).To(BeEmpty())
	})
}

func TestAColdBootRestartsTheDeviceWhileBlocked(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		var blocked []bool // at each restart
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		cold := trial("cloud")
		cold.Regime = harness.ColdBoot
		_, err := bench.Run(context.Background(), cold)
		expect.Expect(err).To(MatchError(ContainSubstring("give the regime a power step")))
		bench.Restart = func(context.Context) error {
			blocked = append(blocked, g.blocks("cloud"))
			return nil
		}
		_, err = bench.Run(context.Background(), cold)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(blocked).To(Equal([]bool{true, false}), "a second start, unblocked, mends what the first one missed")
	})
}

func TestACheckThatWaitedForOthersIsAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		waited := harness.Scenario{Name: "waited", Check: func(context.Context) harness.Outcome {
			<-time.After(5 * time.Second) // four of them for its turn
			return harness.Outcome{Answer: harness.Pass, Duration: time.Second}
		}}
		bench := &harness.Bench{Gateway: &gateway{}, Timing: timing, Scenarios: []harness.Scenario{waited, works(func() bool { return true })}}
		result, err := bench.Run(t.Context(), harness.Trial{Number: 1})
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["waited"].Duration).To(Equal(time.Second))
		expect.Expect(result.Outcomes["app"].Duration).To(BeZero())
	})
}

func TestABenchTellsWhatItIsDoing(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"early": 0, "late": 7 * time.Second}}
		broken := true
		var steps []harness.Step
		told := timing
		told.Persist = 4 * time.Second
		bench := &harness.Bench{Number: 3, Gateway: g, Timing: told, Scenarios: []harness.Scenario{works(func() bool { return !broken || len(g.blocked) == 0 })},
			Tell: func(step harness.Step) { steps = append(steps, step) }}
		begun := time.Now()
		_, err := bench.Run(context.Background(), trial("late"))
		expect.Expect(err).NotTo(HaveOccurred())

		var phases []harness.Phase
		fresh := map[harness.Destination]time.Duration{}
		for _, step := range steps {
			expect.Expect(step.Lane).To(Equal(3))
			if len(phases) == 0 || phases[len(phases)-1] != step.Phase {
				phases = append(phases, step.Phase)
			}
			for _, d := range step.Fresh {
				expect.Expect(fresh).NotTo(HaveKey(d), "it is fresh once")
				fresh[d] = 0
			}
		}
		expect.Expect(phases).To(Equal([]harness.Phase{harness.Settling, harness.Checking, harness.Persisting, harness.Recovering}))
		expect.Expect(fresh).To(And(HaveKey(destination("early")), HaveKey(destination("late"))))
		expect.Expect(steps[0]).To(And(
			HaveField("Untried", []harness.Destination{destination("late")}),
			HaveField("Until", begun.Add(timing.Patience))))

		steps, bench.First, begun = nil, time.Hour, time.Now()
		for number := range 2 { // the first control alone observes
			_, err = bench.Run(context.Background(), harness.Trial{Number: number + 1})
			expect.Expect(err).NotTo(HaveOccurred())
		}
		expect.Expect(steps[0]).To(And(HaveField("Phase", harness.Observing), HaveField("Until", begun.Add(time.Hour))))
		expect.Expect(steps).To(ContainElement(HaveField("Phase", harness.Settling)))
	})
}

func TestALongObservationIsToldOfAsItHappens(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		begun := time.Now()
		late := time.Duration(0)
		bench := &harness.Bench{Gateway: &gateway{starts: map[string]time.Duration{"hourly": 20 * time.Minute}}, Timing: timing, First: 30 * time.Minute,
			Scenarios: []harness.Scenario{works(func() bool { return true })},
			Tell: func(step harness.Step) {
				if len(step.Fresh) > 0 {
					late = time.Since(begun) - 20*time.Minute
				}
			}}
		_, err := bench.Run(context.Background(), trial())
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(late).To(BeNumerically("<", 5*time.Second))
	})
}
