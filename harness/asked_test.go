package harness_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// asks is a scenario that a person judges, who takes some time to answer. It keeps when the
// person was asked.
func asks(takes time.Duration, works func() bool) (scenario harness.Scenario, asked *[]time.Time) {
	asked = &[]time.Time{}
	return harness.Scenario{Name: "person", Person: true, Check: func(context.Context) harness.Outcome {
		*asked = append(*asked, time.Now())
		<-time.After(takes)
		if works() {
			return harness.Outcome{Answer: harness.Pass}
		}
		return harness.Outcome{Answer: harness.Fail, Why: "no"}
	}}, asked
}

func TestAPersonIsAskedOnceMoreWhileAFailureLasts(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		app := works(func() bool { return !g.blocks("server") })
		checks, check := 0, app.Check
		app.Check = func(ctx context.Context) harness.Outcome { checks++; return check(ctx) }
		person, asked := asks(time.Second, func() bool { return !g.blocks("server") })
		bench := stalls(g, time.Hour)
		bench.Scenarios = []harness.Scenario{app, person}
		result, err := bench.Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["person"].Answer).To(Equal(harness.Fail))
		expect.Expect(*asked).To(HaveLen(3), "when the block has settled, at the end of the failure's time, and when it is over")
		expect.Expect((*asked)[1].Sub((*asked)[0])).To(BeNumerically(">=", bench.Timing.Persist))
		expect.Expect(checks).To(Equal(6), "a program is asked at each look, and when it is over")
	})
}

func TestAPersonWhoSaysThatItWorksAgainSawATransientFailure(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		bench := stalls(g, 0)
		person, asked := asks(time.Second, func() bool { return time.Since(g.since) >= 15*time.Second })
		bench.Scenarios = []harness.Scenario{person}
		result, err := bench.Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["person"]).To(And(HaveField("Answer", harness.Pass), HaveField("Transient", Not(BeNil()))))
		expect.Expect(*asked).To(HaveLen(2))
	})
}

func TestAPersonIsAskedTwiceAtMostWhetherTheDeviceHasRecovered(t *testing.T) {
	for name, takes := range map[string]time.Duration{"who answers at once": time.Second, "who answers late": 2 * timing.Recover} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(expect Gomega) {
				g := &gateway{starts: map[string]time.Duration{"server": 0}}
				person, asked := asks(takes, func() bool { return false })
				bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{person}}
				result, err := bench.Run(context.Background(), trial("server"))
				expect.Expect(err).NotTo(HaveOccurred())
				expect.Expect(result.Recovered).To(BeFalse())
				first := (*asked)[0]
				lifted := first.Add(takes)
				if recovery := (*asked)[1:]; takes < timing.Recover {
					expect.Expect(recovery).To(HaveLen(2))
					expect.Expect(recovery[1].Sub(lifted)).To(BeNumerically(">=", timing.Recover))
				} else {
					expect.Expect(recovery).To(HaveLen(1))
				}
			})
		})
	}
}

func TestAPersonIsNotAskedWhetherTheDeviceHasRecoveredBeforeProgramsSeeIt(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"server": 0}}
		recovered := func() bool { return !g.blocks("server") && time.Since(g.since) > 20*time.Second }
		person, asked := asks(time.Second, recovered)
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(recovered), person}}
		result, err := bench.Run(context.Background(), trial("server"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Recovered).To(BeTrue())
		expect.Expect(*asked).To(HaveLen(2), "under the block, and when the program saw it work")
	})
}
