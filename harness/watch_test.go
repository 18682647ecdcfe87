package harness_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// watched fails when its gateway blocked the word at any second of the trial,
// and takes at least so long to say so.
func watched(g *gateway, word string, atLeast time.Duration, checks *int) harness.Scenario {
	return harness.Scenario{
		Name: "app",
		Check: func(context.Context) harness.Outcome {
			*checks++
			return harness.Outcome{Answer: harness.Pass}
		},
		Watch: func(ctx context.Context, enough <-chan struct{}) harness.Outcome {
			answer := harness.Pass
			started := time.Now()
			for {
				if g.blocks(word) {
					answer = harness.Fail
				}
				select {
				case <-ctx.Done():
					return harness.Outcome{Answer: harness.Inconclusive}
				case <-time.After(time.Second):
				}
				select {
				case <-enough:
					if time.Since(started) >= atLeast {
						return harness.Outcome{Answer: answer}
					}
				default:
				}
			}
		},
	}
}

func TestAWatchedScenarioIsJudgedOverTheWholeTrial(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		checks := 0
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{watched(g, "cloud", 0, &checks)}}
		control, err := bench.Run(context.Background(), trial())
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(control.Outcomes["app"].Answer).To(Equal(harness.Pass))
		expect.Expect(checks).To(BeZero(), "the check is for the recovery")

		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
		expect.Expect(result.Outcomes["app"].Duration).To(BeNumerically("~", timing.Settle, time.Second))
		expect.Expect(result.Recovered).To(BeTrue())
		expect.Expect(checks).To(Equal(1))
	})
}

func TestAWatchedScenarioHoldsTheBlockAsLongAsItNeeds(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0, "hourly": 50 * time.Minute}}
		checks := 0
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{watched(g, "cloud", time.Hour, &checks)}}
		result, err := bench.Run(context.Background(), trial())
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("~", time.Hour, time.Second))
		_, seen := result.Seen.Contact(destination("hourly"))
		expect.Expect(seen).To(BeTrue(), "what was seen is of the whole time")
	})
}

func TestAnInterruptedWatchEnds(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"cloud": 0}}
		checks := 0
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{watched(g, "cloud", 24*time.Hour, &checks)}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := bench.Run(ctx, trial("cloud"))
		expect.Expect(err).To(MatchError(context.DeadlineExceeded))
		expect.Expect(g.opened).To(Equal(1))
	})
}
