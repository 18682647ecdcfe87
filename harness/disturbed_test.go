package harness_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// disturbed is a gateway whose network is disturbed while it blocks something, or
// only after that.
type disturbed struct {
	*gateway
	whileBlocked bool
}

func (d disturbed) Observe(ctx context.Context) (harness.Observation, error) {
	seen, err := d.gateway.Observe(ctx)
	if (len(d.blocked) > 0) == d.whileBlocked {
		seen.Disturbed = "its routes changed"
	}
	return seen, err
}

func TestAFailureInADisturbedNetworkProvesNothing(t *testing.T) {
	for _, whileBlocked := range []bool{true, false} {
		inBubble(t, func(expect Gomega) {
			g := disturbed{&gateway{starts: map[string]time.Duration{"cloud": 0}}, whileBlocked}
			bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") })}}
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
			expect.Expect(result.Suspect).To(Equal("the gateway's network was disturbed: its routes changed"))
		})
	}
}

// slow is a gateway of a home whose resolver does not answer for a name in time: always,
// or only while something is blocked.
type slow struct {
	*gateway
	always bool
}

func (s slow) Observe(ctx context.Context) (harness.Observation, error) {
	seen, err := s.gateway.Observe(ctx)
	if s.always || len(s.blocked) > 0 {
		seen.Silent = []string{"cloud.example"}
	}
	return seen, err
}

func TestASlowResolverMakesAFailureSuspectUnlessTheDeviceWorksWithIt(t *testing.T) {
	for always, suspect := range map[bool]string{false: "the home's resolver did not answer for cloud.example, or took long", true: ""} {
		inBubble(t, func(expect Gomega) {
			g := slow{&gateway{starts: map[string]time.Duration{"cloud": 0}}, always}
			bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") })}}
			control, err := bench.Run(context.Background(), trial())
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(control.Suspect).To(BeEmpty(), "everything worked")
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
			expect.Expect(result.Suspect).To(Equal(suspect))
		})
	}
}

func TestAPassIsNoLessTrueWhenTheNetworkIsDisturbedLater(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := disturbed{&gateway{starts: map[string]time.Duration{"cloud": 0}}, false}
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		result, err := bench.Run(context.Background(), trial("cloud"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Suspect).To(BeEmpty())
	})
}
