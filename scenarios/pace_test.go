package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

// asked is when a host was asked by a scenario that tries three times as fast as
// it can, and by another at the same host, at a site with this pace.
func asked(t *testing.T, host string, pace time.Duration) (after []time.Duration) {
	t.Helper()
	expect := NewWithT(t)
	file := parsed(expect, fmt.Sprintf(`scenarios:
  first: {retry: {attempts: 3}, steps: [{http: "http://%s/"}]}
  second: {from: lan, steps: [{tcp: "%s:80"}]}
`, host, host))
	started := time.Now()
	place := scenarios.Place{Dial: func(context.Context, string, string) (net.Conn, error) {
		after = append(after, time.Since(started))
		return nil, errors.New("nobody there")
	}}
	bound, err := file.Bind(file.Scenarios, scenarios.Site{Places: map[string]scenarios.Place{"gateway": place, "lan": place, "host": place}, Pace: pace})
	expect.Expect(err).NotTo(HaveOccurred())
	for _, scenario := range bound {
		scenario.Check(context.Background())
	}
	return after
}

func TestAHostOnTheInternetIsAskedAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		NewWithT(t).Expect(asked(t, "203.0.113.9", 10*time.Second)).To(Equal([]time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second}))
	})
}

func TestAHostAtHomeIsAskedAsOftenAsTheSpecSays(t *testing.T) {
	for _, host := range []string{"192.168.1.5", "127.0.0.1", "169.254.3.4"} {
		synctest.Test(t, func(t *testing.T) {
			NewWithT(t).Expect(asked(t, host, time.Hour)).To(Equal(make([]time.Duration, 4)), host)
		})
	}
}

func TestALabIsAskedAsOftenAsTheSpecSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		NewWithT(t).Expect(asked(t, "203.0.113.9", 0)).To(Equal(make([]time.Duration, 4)))
	})
}

func TestWaitingForATurnEndsWithTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expect := NewWithT(t)
		file := parsed(expect, `scenarios:
  cloud: {retry: {attempts: 9}, steps: [{ntp: 203.0.113.9}]}
`)
		place := scenarios.Place{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") }}
		bound, err := file.Bind(file.Scenarios, scenarios.Site{Places: map[string]scenarios.Place{"gateway": place}, Pace: time.Hour})
		expect.Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		started := time.Now()
		expect.Expect(string(bound[0].Check(ctx).Answer)).To(Equal("inconclusive"))
		expect.Expect(time.Since(started)).To(Equal(time.Minute))
	})
}
