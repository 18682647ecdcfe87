package scenarios_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// server answers in the time of a synctest bubble, while it is up.
type server struct {
	up   func(since time.Duration) bool
	slow time.Duration
	born time.Time
}

func (s *server) RoundTrip(request *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.slow):
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	if !s.up(time.Since(s.born)) {
		return nil, errors.New("nobody there")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("ok")), Request: request}, nil
}

// during watches a server for a while.
func during(t *testing.T, s *server, held time.Duration, change func(*scenarios.Spec), judge func(expect Gomega, outcome harness.Outcome)) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		s.born = time.Now()
		spec := scenarios.Spec{
			Name: "one", During: "continuous", Every: 10 * time.Second,
			Steps: []scenarios.Step{{Do: &scenarios.HTTP{URL: "http://device"}}},
		}
		change(&spec)
		scenario, err := (&scenarios.Engine{HTTP: &http.Client{Transport: s}}).Scenario(spec)
		expect.Expect(err).NotTo(HaveOccurred())
		enough := make(chan struct{})
		time.AfterFunc(held, func() { close(enough) })
		judge(expect, scenario.Watch(context.Background(), enough))
	})
}

func always(time.Duration) bool { return true }

func asIs(*scenarios.Spec) {}

// duty is up for a minute of seven, as the vacuum of python-miio #92 was.
func duty(since time.Duration) bool { return since%(7*time.Minute) < time.Minute }

func TestAScenarioThatWorksAllTheTimePasses(t *testing.T) {
	during(t, &server{up: always}, time.Minute, asIs, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Pass))
		expect.Expect(outcome.Steps[0]).To(And(HaveField("Step", "a check every 10 s"), HaveField("Saw", HavePrefix("ok_ratio 1.00"))))
	})
}

func TestADutyCycleIsJudgedByItsRatio(t *testing.T) {
	during(t, &server{up: duty}, 28*time.Minute, asIs, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Fail))
		expect.Expect(outcome.Why).To(And(HavePrefix("expected ok_ratio >= 0.9, got 0.143, in ok_ratio 0.14"), ContainSubstring("max_gap_s 370"), ContainSubstring("nobody there")))
	})
}

func TestADutyCycleIsGoodEnoughForWhomItIs(t *testing.T) {
	wish := func(s *scenarios.Spec) { s.PassWhen = "ok_ratio > 0.1 && max_gap_s < 400" }
	during(t, &server{up: duty}, 28*time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
	})
}

func TestALateFailureIsSeenWhenTheBlockIsHeldLongEnough(t *testing.T) {
	late := &server{up: func(since time.Duration) bool { return since < 5*time.Minute }}
	for hold, answer := range map[time.Duration]harness.Answer{0: harness.Pass, 10 * time.Minute: harness.Fail} {
		wish := func(s *scenarios.Spec) { s.For = hold }
		during(t, late, time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
			expect.Expect(outcome.Answer).To(Equal(answer), outcome.Why)
		})
	}
}

func TestSlowFailuresCountForTheTimeTheyTake(t *testing.T) {
	// Down for half of the time, in which each check takes 30 s: of the checks
	// far more than half pass.
	half := &server{up: always}
	half.up = func(since time.Duration) bool {
		half.slow = 0
		if since%(4*time.Minute) >= 2*time.Minute {
			half.slow = time.Hour
			return false
		}
		return true
	}
	wish := func(s *scenarios.Spec) { s.Timeout = 30 * time.Second; s.PassWhen = "ok_ratio > 0.6" }
	during(t, half, 40*time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Fail), outcome.Why)
	})
}

func TestItIsCheckedOftenEnoughHoweverShortTheTrial(t *testing.T) {
	during(t, &server{up: always}, time.Millisecond, asIs, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Steps[0].Saw).To(HaveSuffix("checks 5"))
	})
}

func TestSlowAnswersCount(t *testing.T) {
	wish := func(s *scenarios.Spec) { s.PassWhen = "p95_ms < 1000" }
	during(t, &server{up: always, slow: 2 * time.Second}, time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Why).To(ContainSubstring("p95_ms 2000"))
	})
	during(t, &server{up: func(time.Duration) bool { return false }}, time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Fail), "no answer is not a fast one")
	})
}

func TestChecksThatCannotBeCarriedOutAreNoVerdict(t *testing.T) {
	wish := func(s *scenarios.Spec) {
		s.Steps = []scenarios.Step{{Do: &scenarios.Hass{URL: "http://home", Entity: "vacuum.s50"}}}
	}
	during(t, &server{up: func(time.Duration) bool { return false }}, time.Minute, wish, func(expect Gomega, outcome harness.Outcome) {
		expect.Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		expect.Expect(outcome.Why).To(ContainSubstring("could not be judged"))
	})
}
