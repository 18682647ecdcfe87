package scenarios_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// sleepy does what it is asked to after a while, unless ctx ends before.
func sleepy(ctx context.Context, delay time.Duration) error {
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slowProgram is a place whose programs take this long.
func slowProgram(delay time.Duration) scenarios.Place {
	return scenarios.Place{Command: func(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
		return exec.CommandContext(ctx, name, args...), func() error { return sleepy(ctx, delay) }
	}}
}

// slowPerson takes this long for everything, and keeps what was asked.
func slowPerson(delay time.Duration, asked *[]string) scenarios.Asker {
	return func(ctx context.Context, question scenarios.Question) (string, error) {
		*asked = append(*asked, question.Text)
		return "", sleepy(ctx, delay)
	}
}

func TestASwitchIsGivenItsTime(t *testing.T) {
	program := &scenarios.Power{Exec: &scenarios.Toggle{Off: "plug off", On: "plug on"}}
	person := &scenarios.Power{Prompt: "the vacuum"}
	for name, world := range map[string]struct {
		power   *scenarios.Power
		delay   time.Duration // of each switching
		timeout time.Duration // of the step; 0 is the usual one
		works   bool
	}{
		"a person who comes after minutes":         {person, 8 * time.Minute, 0, true},
		"a person who does not come":               {person, time.Hour, 0, false},
		"a person with a timeout":                  {person, 40 * time.Minute, time.Hour, true},
		"a slow program":                           {program, 40 * time.Second, 0, true},
		"a program that hangs":                     {program, time.Hour, 0, false},
		"a program that is given more time":        {program, 5 * time.Minute, 6 * time.Minute, true},
		"a program that is given less time":        {program, 20 * time.Second, 15 * time.Second, false},
		"a program that needs all of what is left": {program, 44 * time.Second, 55 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				expect := NewWithT(t)
				var asked []string
				engine := &scenarios.Engine{Place: slowProgram(world.delay), Ask: slowPerson(world.delay, &asked)}
				scenario, err := engine.Scenario(one(scenarios.Step{Do: world.power, Timeout: world.timeout}))
				expect.Expect(err).NotTo(HaveOccurred())
				outcome := scenario.Check(t.Context())
				if world.works {
					expect.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
					return
				}
				expect.Expect(outcome.Answer).To(Equal(harness.Inconclusive))
				expect.Expect(outcome.Steps[0].Cause).To(Equal(harness.TimedOut))
				expect.Expect(outcome.Why).To(ContainSubstring("the device may be off now, switch it on: not done within "))
				expect.Expect(outcome.Why).To(ContainSubstring("which timeout can change"))
			})
		})
	}
}

func restarter(expect Gomega, boot string, site scenarios.Site) func(context.Context) error {
	file := parsed(expect, `scenarios: {one: {steps: [{wait: 1s}]}}
regimes: {cold_boot: `+boot+`}
`)
	restart, err := file.Restarter(site)
	expect.Expect(err).NotTo(HaveOccurred())
	return restart
}

func TestAColdBootWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		var asked []string
		site := scenarios.Site{Places: map[string]scenarios.Place{"host": {}}, Ask: slowPerson(7*time.Minute, &asked)}
		expect.Expect(restarter(expect, "{power: {prompt: the vacuum}, wait: 1m}", site)(t.Context())).To(Succeed())
		expect.Expect(asked).To(HaveExactElements(
			"the vacuum: switch it off, then press Enter", "the vacuum: switch it on, then press Enter"))
	})
}

func TestAColdBootWhosePersonDoesNotComeEndsByItsOwnLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		var asked []string
		site := scenarios.Site{Places: map[string]scenarios.Place{"host": {}}, Ask: slowPerson(time.Hour, &asked)}
		err := restarter(expect, "{power: {prompt: the vacuum}, timeout: 2m}", site)(t.Context())
		expect.Expect(err).To(MatchError(ContainSubstring("not done within 2 min 10 s, which timeout can change")))
		expect.Expect(errors.Is(err, context.DeadlineExceeded)).To(BeFalse(), "a limit of a step must not be taken for the end of the run")
		expect.Expect(asked).To(HaveLen(2), "it is asked to be switched on all the same")
	})
}

func TestARunThatIsStoppedDoesNotWaitForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		var asked []string
		site := scenarios.Site{Places: map[string]scenarios.Place{"host": {}}, Ask: slowPerson(time.Hour, &asked)}
		restart := restarter(expect, "{power: {prompt: the vacuum}}", site)
		stopped, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		began := time.Now()
		expect.Expect(restart(stopped)).To(MatchError(ContainSubstring("the device may be off now, switch it on")))
		expect.Expect(time.Since(began)).To(BeNumerically("<=", time.Minute+5*time.Second))
		expect.Expect(strings.Join(asked, "\n")).To(ContainSubstring("switch it on"))
	})
}
