package scenarios_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

func refreshing(expect string) scenarios.Spec {
	return one(scenarios.Step{Do: &scenarios.Hass{URL: "http://192.168.1.5:8123", Entity: "vacuum.s50", Refresh: true}, Expect: expect})
}

func until(end time.Duration) func(time.Duration) bool {
	return func(since time.Duration) bool { return since < end }
}

// polled checks a device once, at a moment of the life of its Home Assistant.
func polled(t *testing.T, a *assistant, at time.Duration, blind bool, expect string, judge func(g Gomega, outcome harness.Outcome, took time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		a.start(ctx)
		g := NewWithT(t)
		scenario, err := a.engine(ctx, blind).Scenario(refreshing(expect))
		g.Expect(err).NotTo(HaveOccurred())
		_ = sleepy(ctx, at)
		began := time.Now()
		outcome := scenario.Check(ctx)
		judge(g, outcome, time.Since(began))
	})
}

const wantsLocal = `state != "unavailable" && path == "lan"`

// The integration polls at 0, 15, 30 ... s. The device dies after the poll at 90 s;
// the next one hangs from 105 to 115 s.
func TestADeadDeviceDoesNotPassOnAnOldState(t *testing.T) {
	for _, moment := range []time.Duration{92, 104, 105, 106, 108, 112, 114, 115, 119, 121, 200} {
		for _, blind := range []bool{false, true} {
			for _, expect := range []string{wantsLocal, `fresh && state == "docked"`, `state != "unavailable"`, `fresh && ` + wantsLocal} {
				polled(t, &assistant{alive: until(91 * time.Second)}, moment*time.Second, blind, expect, func(g Gomega, outcome harness.Outcome, took time.Duration) {
					about := []any{"at %d s, blind %v, %s: %s", moment, blind, expect, outcome.Why}
					g.Expect(string(outcome.Answer)).To(Equal("fail"), about...)
					g.Expect(outcome.Steps[0].Saw).To(HavePrefix(`state "unavailable"`), about...)
					g.Expect(took).To(BeNumerically("<", time.Minute), about...)
				})
			}
		}
	}
}

// It dies at some moment of a poll, and is checked at some moment after that.
func TestNoMomentMakesADeadDevicePass(t *testing.T) {
	for _, died := range []time.Duration{104_999, 105_001, 105_019, 105_021, 105_041, 105_059, 105_061} {
		for _, later := range []time.Duration{1, 5, 18, 25, 70, 400, 2_000, 4_990, 5_010, 9_900, 9_999, 10_001, 14_980, 15_010, 24_000} {
			for _, chatty := range []bool{false, true} {
				a := &assistant{alive: until(died * time.Millisecond), chatty: chatty}
				polled(t, a, (died+later)*time.Millisecond, false, `fresh && state == "docked"`, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
					g.Expect(string(outcome.Answer)).To(Equal("fail"), "died at %d ms, checked %d ms later, chatty %v: %s", died, later, chatty, outcome.Steps[0].Saw)
				})
			}
		}
	}
}

func TestALiveDevicePassesOnAPollThatWasSeen(t *testing.T) {
	for name, a := range map[string]*assistant{
		"a current release":                 {},
		"one that writes nothing unchanged": {lazy: true},
		"a release before 2024.4":           {old: true},
	} {
		for _, moment := range []time.Duration{92_000, 105_000, 105_010, 105_030, 105_055, 119_995} {
			b := &assistant{alive: func(time.Duration) bool { return true }, lazy: a.lazy, old: a.old}
			polled(t, b, moment*time.Millisecond, false, `fresh && state == "docked" && path == "lan"`, func(g Gomega, outcome harness.Outcome, took time.Duration) {
				g.Expect(string(outcome.Answer)).To(Equal("pass"), "%s at %d ms: %s", name, moment, outcome.Why)
				g.Expect(outcome.Steps[0].Saw).To(Equal(`state "docked", path lan`))
				g.Expect(took).To(BeNumerically("<", 40*time.Second), "%s at %d ms", name, moment)
				g.Expect(outcome.Duration).To(BeNumerically("<=", time.Second), "what proves the poll is not a part of it")
			})
		}
	}
}

// A device that is polled all the time never rests. It dies at 100 s.
func TestADeviceThatIsPolledAllTheTimeIsJudgedSoon(t *testing.T) {
	for _, every := range []time.Duration{100 * time.Millisecond, 220 * time.Millisecond, time.Second, 2 * time.Second} {
		for _, moment := range []time.Duration{92_000, 92_030, 92_070, 92_110} {
			polled(t, &assistant{alive: until(100 * time.Second), every: every}, moment*time.Millisecond, false, wantsLocal, func(g Gomega, outcome harness.Outcome, took time.Duration) {
				g.Expect(string(outcome.Answer)).To(Equal("pass"), "every %s at %d ms: %s", every, moment, outcome.Why)
				g.Expect(took).To(BeNumerically("<", 8*time.Second), "every %s at %d ms", every, moment)
			})
		}
		for _, moment := range []time.Duration{100_000, 100_090, 100_500, 101_000, 102_000, 105_000, 109_000, 110_100, 130_000} {
			polled(t, &assistant{alive: until(100 * time.Second), every: every}, moment*time.Millisecond, false, wantsLocal, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
				g.Expect(string(outcome.Answer)).To(Equal("fail"), "every %s at %d ms: %s", every, moment, outcome.Steps[0].Saw)
			})
		}
	}
}

// A poll is half answered again and again, so that the entity is unavailable; and
// one hangs for the first time while it is asked for.
func TestAPollThatHangsInItsMidstProvesNothing(t *testing.T) {
	broken := func(since time.Duration) *assistant {
		a := &assistant{alive: func(time.Duration) bool { return true }}
		a.stuck = func(request int) bool { return request == 1 && a.since() > since }
		return a
	}
	for _, moment := range []time.Duration{104_000, 105_010, 105_021, 105_030, 106_000, 121_000, 200_000} {
		polled(t, broken(100*time.Second), moment*time.Millisecond, false, `state != "unavailable" && path == "lan"`, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
			g.Expect(string(outcome.Answer)).To(Equal("fail"), "at %d ms: %s", moment, outcome.Why)
			g.Expect(outcome.Steps[0].Saw).To(HavePrefix(`state "unavailable"`), "at %d ms", moment)
		})
	}
}

func TestAPollThatIsDeferredIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		g := NewWithT(t)
		a := &assistant{alive: func(time.Duration) bool { return true }}
		a.start(ctx)
		scenario, err := a.engine(ctx, false).Scenario(refreshing(wantsLocal))
		g.Expect(err).NotTo(HaveOccurred())
		_ = sleepy(ctx, 91*time.Second)
		a.update(ctx) // somebody's automation
		_ = sleepy(ctx, time.Second)
		outcome := scenario.Check(ctx)
		g.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
		g.Expect(a.since()).To(BeNumerically("~", 101*time.Second, time.Second), "it was carried out when the cooldown was over")

		g.Expect(string(scenario.Check(ctx).Answer)).To(Equal("pass"))
		g.Expect(a.requests[2]-a.requests[1]).To(BeNumerically(">=", 2*hass.Cooldown), "another one would be deferred, too")
		before := a.requests[2]
		g.Expect(string(scenario.Check(ctx).Answer)).To(Equal("pass"))
		g.Expect(a.requests[3] - before).To(BeNumerically("~", hass.Cooldown, time.Second))
	})
}

func TestADeviceThatIsNotPolledIsNotJudged(t *testing.T) {
	polled(t, &assistant{mute: true, alive: func(time.Duration) bool { return true }}, 92*time.Second, false, wantsLocal, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
		g.Expect(string(outcome.Answer)).To(Equal("inconclusive"))
		g.Expect(outcome.Why).To(And(ContainSubstring("was not polled"), ContainSubstring("needs a route to the device"), ContainSubstring("leave refresh out")))
	})
}

func TestWithoutPacketsAStateCountsAfterTheNextPoll(t *testing.T) {
	alive := func(time.Duration) bool { return true }
	polled(t, &assistant{alive: alive}, 92*time.Second, true, `state == "docked" && fresh`, func(g Gomega, outcome harness.Outcome, took time.Duration) {
		g.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
		g.Expect(took).To(BeNumerically(">", pollEvery+pollHangs))
		g.Expect(outcome.Duration).To(BeNumerically("<", time.Second))
	})
	polled(t, &assistant{alive: alive}, 92*time.Second, true, wantsLocal, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
		g.Expect(string(outcome.Answer)).To(Equal("inconclusive"))
		g.Expect(outcome.Why).To(And(ContainSubstring("cannot see"), ContainSubstring("leave path out")))
	})
	// It comes back between the two reads, which do not agree then.
	back := func(since time.Duration) bool { return since < 60*time.Second || since > 110*time.Second }
	polled(t, &assistant{alive: back}, 100*time.Second, true, `state == "docked"`, func(g Gomega, outcome harness.Outcome, took time.Duration) {
		g.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
		g.Expect(took).To(BeNumerically(">", 2*(pollEvery+pollHangs)), "only two reads that agree count")
	})
}

func TestAStateThatComesByTheCloudIsToldApart(t *testing.T) {
	for expect, answer := range map[string]string{wantsLocal: "fail", `state != "unavailable"`: "pass"} {
		polled(t, &assistant{alive: until(91 * time.Second), cloud: true}, 112*time.Second, false, expect, func(g Gomega, outcome harness.Outcome, _ time.Duration) {
			g.Expect(string(outcome.Answer)).To(Equal(answer), outcome.Why)
			g.Expect(outcome.Steps[0].Saw).To(Equal(`state "docked", path cloud`))
		})
	}
}

func TestATimeoutThatIsTooShortIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		g := NewWithT(t)
		a := &assistant{alive: func(time.Duration) bool { return true }}
		a.start(ctx)
		spec := refreshing(`fresh`)
		spec.Timeout = 20 * time.Second
		scenario, err := a.engine(ctx, true).Scenario(spec)
		g.Expect(err).NotTo(HaveOccurred())
		_ = sleepy(ctx, 92*time.Second)
		outcome := scenario.Check(ctx)
		g.Expect(string(outcome.Answer)).To(Equal("inconclusive"))
		g.Expect(outcome.Why).To(And(ContainSubstring("together, 25 s"), ContainSubstring("longer timeout")))
	})
}

func TestScenariosOfOneDeviceShareAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		g := NewWithT(t)
		a := &assistant{alive: func(time.Duration) bool { return true }}
		a.start(ctx)
		file := parsed(g, `secrets: {hass: env:HASS_TOKEN}
scenarios:
  first: {from: lan, steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.s50, refresh: true}, expect: 'path == "lan"'}]}
  second: {from: host, steps: [{hass: {url: "http://192.168.1.5:8123", entity: sensor.s50_battery, refresh: true}, expect: 'path == "lan"'}]}
  third: {from: lan, steps: [{hass: {url: "http://192.168.1.5:8123", entity: vacuum.s50, refresh: true}, expect: 'path == "lan" && fresh'}]}
`)
		place := scenarios.Place{Dial: dialling(a.at(ctx))}
		bound, err := file.Bind(file.Scenarios, scenarios.Site{
			Places: map[string]scenarios.Place{"gateway": place, "lan": place, "host": place}, HassToken: "token",
			Path: a.watched(false), Polling: scenarios.Polling{Every: pollEvery, Hangs: pollHangs, Apart: hass.Cooldown},
		})
		g.Expect(err).NotTo(HaveOccurred())
		_ = sleepy(ctx, 92*time.Second)
		for trial := 1; trial <= 2; trial++ {
			var all sync.WaitGroup
			for _, scenario := range bound {
				all.Go(func() {
					outcome := scenario.Check(ctx)
					g.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
				})
			}
			all.Wait()
			g.Expect(a.requests).To(HaveLen(trial), "three scenarios, one poll")
		}
	})
}

func TestAHomeAssistantThatGoesAwayIsWaitedFor(t *testing.T) {
	const gone, back, started = 91 * time.Second, 180 * time.Second, 230 * time.Second
	restarted := func() *assistant {
		return &assistant{
			alive: func(time.Duration) bool { return true },
			up:    func(since time.Duration) bool { return since < gone || since >= back },
			runs:  func(since time.Duration) bool { return since < gone || since >= started },
		}
	}
	at := func(t *testing.T, a *assistant, wait time.Duration, judge func(g Gomega, check func() harness.Outcome)) {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer func() { stop(); synctest.Wait() }()
			a.start(ctx)
			g := NewWithT(t)
			spec := refreshing(wantsLocal)
			spec.Steps[0].Do.(*scenarios.Hass).Wait = wait
			scenario, err := a.engine(ctx, false).Scenario(spec)
			g.Expect(err).NotTo(HaveOccurred())
			judge(g, func() harness.Outcome { return scenario.Check(ctx) })
		})
	}
	at(t, restarted(), 0, func(g Gomega, check func() harness.Outcome) {
		<-time.After(60 * time.Second)
		g.Expect(string(check().Answer)).To(Equal("pass"))
		<-time.After(40 * time.Second)
		outcome := check()
		g.Expect(string(outcome.Answer)).To(Equal("pass"), outcome.Why)
		g.Expect(outcome.Duration).To(BeNumerically("<", time.Second), "waiting for Home Assistant is not a part of the check")
	})
	at(t, restarted(), time.Minute, func(g Gomega, check func() harness.Outcome) {
		<-time.After(60 * time.Second)
		g.Expect(string(check().Answer)).To(Equal("pass"))
		<-time.After(40 * time.Second)
		outcome := check()
		g.Expect(string(outcome.Answer)).To(Equal("inconclusive"))
		g.Expect(outcome.Steps[0].Cause).To(Equal(harness.Unable))
		g.Expect(outcome.Why).To(And(ContainSubstring("waited "), ContainSubstring("does it run")))
	})
	at(t, restarted(), 0, func(g Gomega, check func() harness.Outcome) {
		<-time.After(100 * time.Second)
		began := time.Now()
		g.Expect(string(check().Answer)).To(Equal("inconclusive"))
		g.Expect(time.Since(began)).To(BeNumerically("<", time.Second), "one that was never there is not waited for")
	})
	at(t, restarted(), 0, func(g Gomega, check func() harness.Outcome) {
		<-time.After(200 * time.Second)
		outcome := check()
		g.Expect(string(outcome.Answer)).To(Equal("inconclusive"), "an entity is unavailable while Home Assistant starts, whatever the device does")
		g.Expect(outcome.Why).To(ContainSubstring("has not started yet"))
	})
}
