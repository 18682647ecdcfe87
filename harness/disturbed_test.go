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

func TestAStandInThatIsBrokenProvesNothing(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		broken := func(seen *harness.Observation) {
			seen.StoodIn = []harness.StoodIn{{Destination: destination("time1"), Kind: harness.TimeServer, Answers: 3, Doubt: "the clock of this machine is wrong"}}
		}
		g := muffled{&gateway{starts: map[string]time.Duration{"time1": 0}}, func(*harness.Observation) {}, broken}
		bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return true })}}
		const suspect = `the stand-in "ntp" is broken: the clock of this machine is wrong`
		result, err := bench.Run(context.Background(), trial("time1"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Pass))
		expect.Expect(result.Suspect).To(Equal(suspect))

		soaked, err := bench.Soak(context.Background(), trial("time1"), harness.Soak{For: time.Minute, Every: time.Second})
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(soaked.Suspect).To(Equal(suspect))
	})
}

// muffled is a gateway of a home whose resolver is late for a name, or does not answer
// for it: in one way while nothing is blocked, and in another while something is.
type muffled struct {
	*gateway
	free, blocking func(*harness.Observation)
}

func (m muffled) Observe(ctx context.Context) (harness.Observation, error) {
	seen, err := m.gateway.Observe(ctx)
	if len(m.blocked) > 0 {
		m.blocking(&seen)
	} else {
		m.free(&seen)
	}
	return seen, err
}

func TestAResolverThatFailsMakesAFailureSuspectUnlessTheDeviceWorksThen(t *testing.T) {
	well := func(*harness.Observation) {}
	late := func(seen *harness.Observation) { seen.Late = []string{"cloud.example"} }
	silent := func(seen *harness.Observation) { seen.Silent = []string{"cloud.example"} }
	for _, home := range []struct {
		free, blocking func(*harness.Observation)
		suspect        string
	}{
		{well, late, "the home's resolver took long to answer for cloud.example"},
		{well, silent, "the home's resolver did not answer for cloud.example"},
		{late, late, ""},
		{silent, silent, ""},
		{silent, late, ""},
		{late, silent, "the home's resolver did not answer for cloud.example"},
	} {
		inBubble(t, func(expect Gomega) {
			g := muffled{&gateway{starts: map[string]time.Duration{"cloud": 0}}, home.free, home.blocking}
			bench := &harness.Bench{Gateway: g, Timing: timing, Scenarios: []harness.Scenario{works(func() bool { return !g.blocks("cloud") })}}
			control, err := bench.Run(context.Background(), trial())
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(control.Suspect).To(BeEmpty(), "everything worked")
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
			expect.Expect(result.Suspect).To(Equal(home.suspect))
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
