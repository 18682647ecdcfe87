package harness_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// soak holds a block of "a" for ten minutes, checked every 30 s.
func soak(expect Gomega, g *gateway, scenario harness.Scenario) (harness.Soaked, []harness.Round) {
	var rounds []harness.Round
	bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{scenario}, Timing: timing}
	soaked, err := bench.Soak(context.Background(), trial("a"), harness.Soak{
		For: 10 * time.Minute, Every: 30 * time.Second, Tell: func(r harness.Round) { rounds = append(rounds, r) },
	})
	expect.Expect(err).NotTo(HaveOccurred())
	expect.Expect(g.blocked).To(BeEmpty(), "the network is open afterwards")
	return soaked, rounds
}

func TestASoakChecksUntilItsTimeIsOver(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"a": 0}}
		soaked, rounds := soak(expect, g, works(func() bool { return true }))
		expect.Expect(soaked.Works()).To(BeTrue())
		expect.Expect(soaked.Held).To(Equal(10 * time.Minute))
		expect.Expect(rounds[0].After).To(Equal(timing.Settle))
		expect.Expect(rounds[len(rounds)-1].After).To(Equal(10 * time.Minute))
		expect.Expect(soaked.Scenarios["app"]).To(And(HaveField("Checks", 21), HaveField("Passed", 21)))
		expect.Expect(attemptsAt(soaked, "a")).To(BeNumerically(">", 500))
	})
}

func TestASoakAsksAPersonAtItsBeginningAndAtItsEnd(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		person := works(func() bool { return true })
		person.Person = true
		soaked, rounds := soak(expect, &gateway{starts: map[string]time.Duration{"a": 0}}, person)
		expect.Expect(soaked.Works()).To(BeTrue())
		expect.Expect(soaked.Scenarios["app"]).To(And(HaveField("Checks", 2), HaveField("Passed", 2)))
		expect.Expect(rounds).To(HaveLen(21))
		expect.Expect(rounds[0].Outcomes).To(HaveLen(1))
		expect.Expect(rounds[1].Outcomes).To(BeEmpty())
		expect.Expect(rounds[20].Outcomes).To(HaveLen(1))
	})
}

func TestASoakAsksAPersonAgainToConfirmAFailure(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		person := works(func() bool { return false })
		person.Person = true
		soaked, rounds := soak(expect, &gateway{starts: map[string]time.Duration{"a": 0}}, person)
		expect.Expect(soaked.Scenarios["app"]).To(And(HaveField("Answer", harness.Fail), HaveField("Checks", 2)))
		expect.Expect(rounds).To(HaveLen(2))
	})
}

func TestASoakTellsWhatItWaitsFor(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		var phases []harness.Phase
		began := time.Now()
		bench := &harness.Bench{
			Gateway: &gateway{}, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing,
			Tell: func(step harness.Step) {
				if phases = append(phases, step.Phase); len(phases) == 1 {
					expect.Expect(step.Until).To(Equal(began.Add(timing.Settle)))
				}
				if step.Phase == harness.Checking {
					expect.Expect(step.Scenarios).To(Equal([]string{"app"}))
				}
			},
		}
		_, err := bench.Soak(context.Background(), trial("a"), harness.Soak{For: 2 * timing.Settle, Every: timing.Settle})
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(phases).To(Equal([]harness.Phase{harness.Holding, harness.Checking, harness.Holding, harness.Checking, harness.Recovering}))
	})
}

func TestASoakEndsWhenAFailureIsConfirmed(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{starts: map[string]time.Duration{"a": 0}}
		soaked, rounds := soak(expect, g, works(func() bool { return !g.blocks("a") || time.Since(g.since) < 3*time.Minute }))
		expect.Expect(soaked.Works()).To(BeFalse())
		expect.Expect(soaked.Scenarios["app"]).To(And(HaveField("Answer", harness.Fail), HaveField("Why", "no answer"), HaveField("Broke", 190*time.Second)))
		expect.Expect(rounds[len(rounds)-1].After).To(Equal(220 * time.Second))
		expect.Expect(soaked.Recovered).To(BeTrue())
	})
}

func TestASoakForgivesOneStumble(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		checks := 0
		soaked, _ := soak(expect, &gateway{}, works(func() bool { checks++; return checks != 5 }))
		expect.Expect(soaked.Works()).To(BeTrue())
		expect.Expect(soaked.Scenarios["app"]).To(And(HaveField("Checks", 21), HaveField("Passed", 20)))
	})
}

func TestASoakDoesNotEndInDoubt(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &gateway{}
		soaked, rounds := soak(expect, g, works(func() bool { return g.since.IsZero() || time.Since(g.since) < 10*time.Minute }))
		expect.Expect(soaked.Works()).To(BeFalse(), "the check at ten minutes failed, and so did the one after it")
		expect.Expect(rounds[len(rounds)-1].After).To(BeNumerically(">", 10*time.Minute))
	})
}

func TestASoakThatStumblesTooOftenFails(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		checks := 0
		soaked, _ := soak(expect, &gateway{}, works(func() bool { checks++; return checks%4 != 0 }))
		expect.Expect(soaked.Works()).To(BeFalse())
	})
}

func TestASoakWhoseBlockDidNotHoldProvesNothing(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := &leaky{gateway: gateway{starts: map[string]time.Duration{"a": 0}}, after: 2 * time.Minute}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{works(func() bool { return true })}, Timing: timing}
		soaked, err := bench.Soak(context.Background(), trial("a"), harness.Soak{For: time.Hour, Every: time.Minute})
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(soaked.Suspect).To(ContainSubstring("a rule is gone"))
		expect.Expect(soaked.Works()).To(BeFalse())
		expect.Expect(soaked.Held).To(BeNumerically("<", 5*time.Minute))
	})
}

// leaky loses a rule some time after the block began.
type leaky struct {
	gateway
	after time.Duration
}

func (l *leaky) Observe(ctx context.Context) (harness.Observation, error) {
	seen, err := l.gateway.Observe(ctx)
	if len(l.blocked) > 0 && time.Since(l.since) > l.after {
		seen.Broken = "a rule is gone"
	}
	return seen, err
}

func attemptsAt(soaked harness.Soaked, word string) int {
	contact, _ := soaked.Seen.Contact(destination(word))
	return contact.Attempts
}
