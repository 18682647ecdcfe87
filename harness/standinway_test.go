package harness_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// leasing is a gateway that gives the device its address. It notes what happens in which
// order.
type leasing struct {
	gateway
	happened []string
}

const renewal = 5 * time.Minute

func (l *leasing) OfferTime(ctx context.Context, on, wait bool) error {
	note := map[bool]string{true: "offer", false: "end the offer"}[on]
	if wait {
		note += ", and wait"
		if err := span.Wait(ctx, renewal); err != nil {
			return err
		}
	}
	l.happened = append(l.happened, note)
	return nil
}

func (l *leasing) Renewal() time.Duration { return renewal }

func (l *leasing) Block(ctx context.Context, block []harness.Destination, fault harness.Fault) error {
	l.happened = append(l.happened, map[bool]string{true: "unblock", false: "block"}[len(block) == 0])
	return l.gateway.Block(ctx, block, fault)
}

func (l *leasing) BlockWith(ctx context.Context, block []harness.Destination, fault harness.Fault, _ map[harness.Destination]harness.StandIn, _ map[harness.Destination]harness.Way) error {
	return l.Block(ctx, block, fault)
}

func stoodIn(way harness.Way) harness.Trial {
	time1 := destination("time1")
	return harness.Trial{
		Number: 1, Block: []harness.Destination{time1}, Fault: harness.Reject, Regime: harness.Steady,
		StandIns: map[harness.Destination]harness.StandIn{time1: harness.TimeServer}, Ways: map[harness.Destination]harness.Way{time1: way},
	}
}

func TestADeviceHasItsLeaseWhenTheBlockBeginsAndLosesItBeforeTheBlockEnds(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		bench := &harness.Bench{Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		result, err := bench.Run(context.Background(), stoodIn(harness.WayOption))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"offer, and wait", "block", "end the offer, and wait", "unblock"}))
		expect.Expect(result.Held).To(BeNumerically("<", timing.Patience), "the time in which the device gets it does not count, and it need not try what is blocked")

		l.happened = nil
		_, err = bench.Run(context.Background(), trial("time1"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"block", "unblock"}))
	})
}

func TestADeviceThatIsStartedGetsItsLeaseByThat(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		bench := &harness.Bench{
			Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })},
			Restart: func(context.Context) error {
				l.happened = append(l.happened, "restart")
				return nil
			},
		}
		trial := stoodIn(harness.WayOption)
		trial.Regime = harness.ColdBoot
		_, err := bench.Run(context.Background(), trial)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"offer", "block", "restart", "end the offer", "unblock", "restart"}))
	})
}

func TestAnOfferEndsIfTheTrialDoes(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		ctx, end := context.WithCancel(context.Background())
		bench := &harness.Bench{Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { end(); return true })}}
		_, err := bench.Run(ctx, stoodIn(harness.WayOption))
		expect.Expect(err).To(MatchError(context.Canceled))
		expect.Expect(l.happened).To(Equal([]string{"offer, and wait", "block", "end the offer", "unblock"}))
	})
}

func TestNoTimeIsOfferedIfALeaseLastsLongerThanABlockMay(t *testing.T) {
	for _, longest := range []time.Duration{renewal - 1, renewal} {
		inBubble(t, func(expect Gomega) {
			short := timing
			short.Longest = longest
			bench := &harness.Bench{Gateway: &asking{}, Timing: short, Scenarios: []harness.Scenario{works(func() bool { return true })}}
			result, err := bench.Run(context.Background(), trial("time1"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Seen.AsksTime).To(Equal(longest == renewal))
			expect.Expect(result.Seen.Renewal).To(Equal(map[bool]time.Duration{true: renewal}[longest == renewal]))
		})
	}
}

// asking is a gateway whose device asks who gives the time.
type asking struct{ leasing }

func (a *asking) Observe(ctx context.Context) (harness.Observation, error) {
	seen, err := a.leasing.Observe(ctx)
	seen.AsksTime = true
	return seen, err
}

func TestABlockThatIsLiftedDoesNotWaitForTheLease(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		bench := &harness.Bench{Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		bench.Tell = func(step harness.Step) {
			if step.Phase == harness.Renewing && len(l.blocked) > 0 {
				bench.Lift(1)
			}
		}
		result, err := bench.Run(context.Background(), stoodIn(harness.WayOption))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"offer, and wait", "block", "unblock"}))
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass), "it was judged before")

		l.happened = nil
		next := trial("time1")
		next.Number = 2
		_, err = bench.Run(context.Background(), next)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"end the offer, and wait", "block", "unblock"}))
	})
}

func TestABlockThatIsLiftedEndsTheOfferAndTheNextTrialMakesIt(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		bench := &harness.Bench{Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		bench.Tell = func(step harness.Step) {
			if step.Phase == harness.Settling {
				bench.Lift(1)
			}
		}
		result, err := bench.Run(context.Background(), stoodIn(harness.WayOption))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeTrue())
		expect.Expect(l.happened).To(Equal([]string{"offer, and wait", "block", "unblock", "end the offer"}))

		l.happened, bench.Tell = nil, nil
		again := stoodIn(harness.WayOption)
		again.Number = 2
		_, err = bench.Run(context.Background(), again)
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(l.happened).To(Equal([]string{"offer, and wait", "block", "end the offer, and wait", "unblock"}))
	})
}

func TestATrialIsGivenUpWhileItWaitsForTheLease(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		l := &leasing{}
		bench := &harness.Bench{Gateway: l, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		bench.Tell = func(step harness.Step) {
			if step.Phase == harness.Renewing {
				bench.Lift(1)
			}
		}
		began := time.Now()
		result, err := bench.Run(context.Background(), stoodIn(harness.WayOption))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Abandoned).To(BeTrue())
		expect.Expect(time.Now()).To(Equal(began))
		expect.Expect(l.happened).To(Equal([]string{"end the offer"}), "nothing was blocked")
	})
}

// A device looks up each of its names on its own. It has tried what is blocked with the first
// of them, and goes on by its older answers to the others.
func TestADeviceHasTimeToForgetItsAnswers(t *testing.T) {
	for _, trial := range []harness.Trial{stoodIn(harness.WayName), trial("resolver"), {Number: 1, Block: []harness.Destination{destination("cloud")}, Fault: harness.NXDomain}} {
		inBubble(t, func(expect Gomega) {
			l := &leasing{gateway: gateway{starts: map[string]time.Duration{"time1": 0, "resolver": 0, "cloud": 0}}}
			patient := timing
			patient.Memory = time.Minute
			bench := &harness.Bench{Gateway: l, Timing: patient, Scenarios: []harness.Scenario{works(func() bool { return len(l.blocked) == 0 || time.Since(l.since) > patient.Memory })}}
			result, err := bench.Run(context.Background(), trial)
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass))
			expect.Expect(l.happened).To(Equal([]string{"block", "unblock"}))
		})
	}
}
