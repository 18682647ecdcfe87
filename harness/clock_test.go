package harness_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// punctual is a gateway in front of a device that contacts each destination once in its
// own period, at its own phase, whether it is blocked or not.
type punctual struct {
	born    time.Time
	clocks  map[string]punctuality
	idle    map[string]bool   // not contacted while anything is blocked
	needs   map[string]string // contacted only while another is blocked
	eager   map[string]bool   // contacted when the device is provoked, too
	ups     []time.Time       // when it was
	blocked []harness.Destination
	since   time.Time
}

// punctuality is when a destination is contacted: from first on, once in every; 0 is once.
type punctuality struct{ first, every time.Duration }

func (p *punctual) Block(_ context.Context, block []harness.Destination, _ harness.Fault) error {
	p.blocked, p.since = block, time.Now()
	if p.born.IsZero() {
		p.born = p.since
	}
	return nil
}

func (p *punctual) Observe(context.Context) (harness.Observation, error) {
	seen := harness.Observation{Since: p.since}
	for word := range p.clocks {
		contact, ok := p.contact(word)
		if !ok {
			continue
		}
		if contact.Answered = !p.blocks(word); !contact.Answered {
			contact.Attempts, contact.Touched, contact.Attempted = contact.Tries, contact.Tries, contact.First
		}
		seen.Contacts = append(seen.Contacts, contact)
	}
	slices.SortFunc(seen.Contacts, func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
	return seen, nil
}

// means are the ways to provoke the device. A new lease is waited for, a link is down for a while, and a device takes time to start.
func (p *punctual) means() harness.Means {
	return harness.Means{
		harness.ByLease: func(ctx context.Context) (time.Time, error) {
			<-time.After(2 * time.Second)
			return time.Now(), p.up(ctx)
		},
		harness.ByLink: harness.AtOnce(func(ctx context.Context) error {
			<-time.After(time.Second / 2)
			return p.up(ctx)
		}),
		harness.ByStart: harness.AtOnce(p.start),
	}
}

func (p *punctual) up(context.Context) error {
	p.ups = append(p.ups, time.Now())
	return nil
}

func (p *punctual) start(ctx context.Context) error {
	_ = p.up(ctx)
	<-time.After(2 * time.Second)
	return nil
}

// contact is what the device did in this window.
func (p *punctual) contact(word string) (contact harness.Contact, ok bool) {
	contact, ok = p.byClock(word)
	for _, up := range p.ups {
		if first := up.Add(time.Second / 10); p.eager[word] && !first.Before(p.since) && !first.After(time.Now()) {
			again := harness.Contact{Destination: destination(word), First: first, Last: first, Tries: 1}
			if ok {
				again = contact.With(again)
			}
			contact, ok = again, true
		}
	}
	return contact, ok
}

func (p *punctual) byClock(word string) (contact harness.Contact, ok bool) {
	clock, first := p.clocks[word], p.born.Add(p.clocks[word].first)
	if late := p.since.Sub(first); late > 0 && clock.every > 0 {
		first = first.Add((late + clock.every - 1) / clock.every * clock.every)
	}
	if first.Before(p.since) || first.After(time.Now()) || p.idle[word] && len(p.blocked) > 0 || p.needs[word] != "" && !p.blocks(p.needs[word]) {
		return contact, false
	}
	contact = harness.Contact{Destination: destination(word), First: first, Last: first, Tries: 1}
	if more := int(time.Since(first) / max(clock.every, 1)); clock.every > 0 && more > 0 {
		contact.Tries, contact.Quiet = 1+more, clock.every
		contact.Last = first.Add(time.Duration(more) * clock.every)
	}
	return contact, true
}

func (p *punctual) blocks(word string) bool { return slices.Contains(p.blocked, destination(word)) }

// missed reports whether a destination was contacted in this window without success.
func (p *punctual) missed(word string) bool {
	_, contacted := p.contact(word)
	return p.blocks(word) && contacted
}

// The clock of these tests runs 360 times as fast as that of a device.
const (
	second = time.Second / 360
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// shown is a time of that clock as people read it.
func shown(d time.Duration) time.Duration { return (d * 360).Round(time.Second) }

// patient is the timing of a run on a real device, with a hold of up to 3 days.
var patient = harness.Timing{Settle: 3 * minute / 2, Patience: 3 * minute / 2, Recover: minute, Look: minute / 60, Longest: 3 * day}

// home is a device with destinations that are contacted once a minute, an hour and a day.
func home() *punctual {
	return &punctual{clocks: map[string]punctuality{
		"cloud": {0, minute}, "hourly": {10 * minute, hour}, "daily": {5 * hour, day},
		"start": {minute / 60, 0},
	}}
}

// longWatched is a bench whose first control has lasted for three days and a half.
func longWatched(expect Gomega, gateway harness.Gateway, timing harness.Timing, scenarios ...harness.Scenario) *harness.Bench {
	bench := &harness.Bench{Gateway: gateway, Scenarios: scenarios, Timing: timing, First: 84 * hour}
	bench.Wake = func(context.Context) error { return nil }
	_, err := bench.Run(context.Background(), trial())
	expect.Expect(err).NotTo(HaveOccurred())
	return bench
}

func passes() harness.Scenario { return works(func() bool { return true }) }

func TestAPassWaitsForWhatIsContactedOnceADay(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := longWatched(expect, home(), patient, passes())
		for _, block := range []struct {
			words  []string
			atMost time.Duration
		}{{[]string{"cloud"}, 3 * minute}, {[]string{"cloud", "hourly"}, hour}, {[]string{"cloud", "daily", "hourly"}, day}} {
			result, err := bench.Run(context.Background(), trial(block.words...))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Held).To(BeNumerically("<=", block.atMost+2*patient.Settle))
			for _, word := range block.words {
				contact, _ := result.Seen.Contact(destination(word))
				expect.Expect(contact.Attempts).To(BeNumerically(">", 0), word)
			}
		}
	})
}

// A device that gives up after three tries fails later than one settle after the first.
func TestAPassWaitsUntilTheDeviceHasTriedAFewTimes(t *testing.T) {
	for tries, want := range map[int]harness.Answer{1: harness.Pass, 3: harness.Fail} {
		inBubble(t, func(expect Gomega) {
			g := &punctual{clocks: map[string]punctuality{"cloud": {every: 2 * minute}, "daily": {first: 40 * minute, every: day}}}
			scarce := works(func() bool {
				contact, _ := g.contact("cloud")
				return !g.blocks("cloud") || contact.Tries < 3
			})
			bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{scarce}, Timing: harness.Timing{
				Settle: 3 * minute, Patience: 3 * minute, Tries: tries, Recover: hour, Look: minute / 4,
			}}
			result, err := bench.Run(context.Background(), trial("cloud"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Outcomes["app"].Answer).To(Equal(want), "%d tries", tries)
			expect.Expect(result.Held).To(BeNumerically("<", 8*minute))
		})
	}
}

func TestAFailureWaitsForNothingThatIsSeldom(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := home()
		bench := longWatched(expect, g, patient, works(func() bool { return !g.blocks("cloud") }))
		result, err := bench.Run(context.Background(), trial("cloud", "daily", "hourly"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Outcomes["app"].Answer).To(Equal(harness.Fail))
		expect.Expect(result.Held).To(BeNumerically("<=", 3*patient.Settle))
	})
}

func TestWhatIsOverdueIsNotWaitedForAgain(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := home()
		g.idle = map[string]bool{"hourly": true}
		bench := longWatched(expect, g, patient, passes())
		for _, want := range []time.Duration{90 * minute, patient.Settle} {
			result, err := bench.Run(context.Background(), trial("cloud", "hourly"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Held).To(BeNumerically("~", want, 2*patient.Settle))
		}
	})
}

func TestAHoldIsNoLongerThanTheLongest(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		short := patient
		short.Longest = 20 * minute
		g := home()
		g.idle = map[string]bool{"daily": true, "hourly": true}
		bench := longWatched(expect, g, short, passes())
		result, err := bench.Run(context.Background(), trial("cloud", "daily", "hourly"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("~", short.Longest, 2*short.Settle))
	})
}

func TestWhatWasSeenOnceIsWaitedForOnce(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		longest := patient
		longest.Longest = 1000 * hour
		bench := longWatched(expect, home(), longest, passes())
		for _, want := range []time.Duration{84 * hour, longest.Settle} {
			result, err := bench.Run(context.Background(), trial("start"))
			expect.Expect(err).NotTo(HaveOccurred())
			expect.Expect(result.Held).To(BeNumerically("~", want, 2*longest.Settle))
		}
	})
}

func TestWhatLogsSayIsKnownFromTheFirstTrialOn(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := &harness.Bench{
			Gateway: home(), Timing: patient, Scenarios: []harness.Scenario{passes()},
			Periods: map[harness.Destination]time.Duration{destination("daily"): day},
		}
		result, err := bench.Run(context.Background(), trial("daily"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("~", 5*hour, 2*patient.Settle))
	})
}

func TestAFailureInTheMiddleOfAHoldSaysWhatHadBeenTried(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := home()
		app, hass := works(func() bool { return !g.missed("hourly") }), passes()
		hass.Name = "hass"
		bench := longWatched(expect, g, patient, app, hass)
		result, err := bench.Run(context.Background(), trial("cloud", "daily", "hourly"))
		expect.Expect(err).NotTo(HaveOccurred())
		broke := result.Outcomes["app"].Broke
		expect.Expect(broke.After).To(BeNumerically("<=", hour+2*patient.Settle))
		expect.Expect(broke.Touched).To(ConsistOf(destination("cloud"), destination("hourly")), "and not what was tried hours later")
		expect.Expect(result.Held).To(BeNumerically(">", 2*hour), "hass waits for what is contacted daily")
		expect.Expect(result.Outcomes["hass"]).To(And(HaveField("Answer", harness.Pass), HaveField("Broke", BeNil())))
	})
}

// clocksOf are the clocks of the destinations of a run of some trials, with a pause after each.
func clocksOf(expect Gomega, bench *harness.Bench, pause time.Duration, trials ...harness.Trial) map[string]harness.Clock {
	run := newRun(formula{})
	run.Settings.Settle = patient.Settle
	for _, trial := range trials {
		result, err := bench.Run(context.Background(), trial)
		expect.Expect(err).NotTo(HaveOccurred())
		run.Results = append(run.Results, result)
		<-time.After(pause)
	}
	clocks := map[string]harness.Clock{}
	for _, row := range harness.Judge(run).Rows {
		clocks[strings.TrimSuffix(row.Contact.Destination.Name, ".example")] = row.Clock
	}
	return clocks
}

func TestARunKnowsHowOftenADestinationIsContacted(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := home()
		g.clocks["once"] = punctuality{3 * hour, 0}
		bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{passes()}, Timing: patient, First: 3 * day}
		bench.Wake = func(context.Context) error { return nil }
		clocks := clocksOf(expect, bench, 0, trial(), trial("cloud"), trial("daily"), trial())
		every := func(word string) time.Duration { return clocks[word].Every }
		expect.Expect(every("cloud")).To(BeNumerically("~", minute, minute/10))
		expect.Expect(every("hourly")).To(BeNumerically("~", hour, hour/10))
		expect.Expect(every("daily")).To(BeNumerically("~", day, day/10))
		expect.Expect(clocks["start"]).To(And(HaveField("Every", BeZero()), HaveField("AtStart", BeTrue()), HaveField("Silence", BeNumerically(">", 3*day))))
		expect.Expect(clocks["once"]).To(And(HaveField("Every", BeZero()), HaveField("AtStart", BeFalse()), HaveField("Last", Equal(g.born.Add(3*hour)))))
		expect.Expect([]bool{clocks["cloud"].AtStart, clocks["daily"].AtStart}).To(HaveEach(BeFalse()))
	})
}

// In a pause of the run, or while its last other lane holds a block, nobody watches the device.
func TestAPauseIsNoSilenceOfTheDevice(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		bench := longWatched(expect, home(), patient, passes())
		clocks := clocksOf(expect, bench, 30*hour, trial(), trial("cloud"), trial("hourly"), trial(), trial())
		expect.Expect(clocks["cloud"].Every).To(BeNumerically("~", minute, minute/10))
		expect.Expect(clocks["hourly"].Silence).To(BeNumerically("<", 2*hour))
		result, err := bench.Run(context.Background(), trial("cloud", "hourly"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("<", 2*hour))
	})
}

func TestAFallbackHasNoClock(t *testing.T) {
	inBubble(t, func(expect Gomega) {
		g := home()
		g.clocks["spare"], g.needs = punctuality{0, minute}, map[string]string{"spare": "cloud"}
		bench := longWatched(expect, g, patient, passes())
		for _, block := range []harness.Trial{trial("cloud"), trial("hourly"), trial("cloud", "spare"), trial("hourly"), trial("cloud"), trial("daily")} {
			_, err := bench.Run(context.Background(), block)
			expect.Expect(err).NotTo(HaveOccurred())
		}
		result, err := bench.Run(context.Background(), trial("spare"))
		expect.Expect(err).NotTo(HaveOccurred())
		expect.Expect(result.Held).To(BeNumerically("<=", 2*patient.Settle), "it is not waited for while the cloud is reached")
	})
}

// A run may know from before it was resumed what the device contacts with nothing blocked.
func TestAFallbackIsContactedWithNothingBlockedInNoSitting(t *testing.T) {
	for word, want := range map[string]time.Duration{"daily": day, "spare": 0} {
		inBubble(t, func(expect Gomega) {
			g := home()
			g.clocks["spare"], g.needs = punctuality{0, minute}, map[string]string{"spare": "cloud"}
			run := newRun(formula{})
			run.Settings.Settle = patient.Settle
			for i, first := range []time.Duration{6 * hour, 0} {
				bench := &harness.Bench{Gateway: g, Scenarios: []harness.Scenario{passes()}, Timing: patient, First: first}
				held := trial("cloud")
				held.Hold = 50 * hour * time.Duration(i)
				for _, next := range []harness.Trial{trial(), held} {
					result, err := bench.Run(context.Background(), next)
					expect.Expect(err).NotTo(HaveOccurred())
					result.Lane, result.Sitting = 1, i+1
					run.Results = append(run.Results, result)
				}
			}
			expect.Expect(run.Periods()[destination(word)]).To(BeNumerically("~", want, hour), word)
		})
	}
}

func TestWhatIsLeftOfAConnectionMakesAFallbackNoClock(t *testing.T) {
	expect := NewWithT(t)
	run := newRun(formula{})
	run.Settings.Settle = patient.Settle
	began := time.Now()
	for i, tries := range []int{1, 0, 1, 1, 1} { // the second is a control
		block := trial("cloud")
		if tries == 0 {
			block = trial()
		}
		at := began.Add(time.Duration(i) * hour)
		run.Results = append(run.Results, harness.Result{
			Trial: block, Started: at, Held: minute, Duration: minute, Recovered: true,
			Seen: harness.Observation{Contacts: []harness.Contact{{Destination: destination("spare"), First: at, Last: at, Tries: tries, Answered: true}}},
		})
	}
	for _, row := range harness.Judge(run).Rows {
		if row.Contact.Destination == destination("spare") {
			expect.Expect(row.Clock.Every).To(BeZero())
		}
	}
}

// A start ends all connections, so that each trial with a cold boot begins with a new one.
func TestAConnectionThatIsKeptBetweenColdBootsIsNotContactedSeldom(t *testing.T) {
	expect := NewWithT(t)
	for _, kept := range []bool{true, false} {
		run := newRun(formula{})
		run.Settings.Settle = patient.Settle
		run.Settings.Regimes = []harness.Regime{harness.ColdBoot}
		began := time.Now()
		for i := range 4 {
			at := began.Add(time.Duration(i) * 3 * hour)
			contact := harness.Contact{Destination: destination("cloud"), First: at.Add(minute), Last: at.Add(2 * minute), Quiet: minute / 2, Tries: 1, Answered: true}
			if kept { // with a packet once in 25 min
				contact.Last, contact.Quiet = at.Add(170*minute), 25*minute
			}
			result := harness.Result{Trial: trial("other"), Started: at, Held: 3 * hour, Duration: 3 * hour, Restarted: true, Recovered: true}
			result.Trial.Regime = harness.ColdBoot
			if i%2 == 0 {
				result.Trial.Block = nil
			}
			result.Seen.Contacts = []harness.Contact{contact}
			run.Results = append(run.Results, result)
		}
		rows := harness.Judge(run).Rows
		i := slices.IndexFunc(rows, func(row harness.Row) bool { return row.Contact.Destination == destination("cloud") })
		expect.Expect(rows[i].Clock.Kept).To(Equal(kept))
		expect.Expect(rows[i].Clock.AtStart).To(Equal(!kept))
		if kept {
			expect.Expect(rows[i].Clock.Every).To(BeZero())
		}
	}
}

func TestABlockedResolverIsNotTheDevicesClock(t *testing.T) {
	expect := NewWithT(t)
	run := newRun(formula{})
	run.Settings.Settle = patient.Settle
	resolver := harness.Destination{Protocol: harness.UDP, Port: 53, Name: "192.168.1.1"}
	began, cloud := time.Now(), destination("cloud")
	for i := range 4 {
		at := began.Add(time.Duration(i) * hour)
		result := harness.Result{Trial: trial(), Started: at, Held: hour, Duration: hour, Recovered: true}
		contact := harness.Contact{Destination: cloud, First: at, Last: at.Add(hour), Tries: 60, Touched: 60, Quiet: minute, Answered: true}
		if i == 2 { // then it goes on for a while, until what it looked up is too old
			result.Trial.Block = []harness.Destination{resolver}
			contact.Last, contact.Quiet = at.Add(3*minute), 2*minute
		}
		result.Seen.Contacts = []harness.Contact{contact}
		run.Results = append(run.Results, result)
	}
	for _, row := range harness.Judge(run).Rows {
		if row.Contact.Destination == cloud {
			expect.Expect(row.Clock).To(And(HaveField("Every", minute), HaveField("Silence", minute)))
		}
	}
	expect.Expect(harness.Judge(run).Rows).To(ContainElement(HaveField("Contact.Destination", cloud)))
}
