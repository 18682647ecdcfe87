package harness_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// seldom is what a device contacts less often than all the rest, and when it is provoked.
const seldom = 30 * time.Second

// eager is a device that contacts a log all the time, and the others seldom. update and shop are contacted, too, when it is
// provoked. It needs its cloud.
func eager(chance *rand.Rand) *licensed {
	phase := func() time.Duration { return time.Duration(chance.Int64N(int64(seldom))) }
	return &licensed{
		punctual: &punctual{
			clocks: map[string]punctuality{
				"cloud": {every: time.Second / 5}, "log": {every: time.Second / 5},
				"update": {every: seldom, first: phase()}, "shop": {every: seldom, first: phase()},
			},
			eager: map[string]bool{"update": true, "shop": true},
		},
		patience: map[string]int{"cloud": 1}, before: map[string]int{},
	}
}

// provoked is a run on a device, in virtual time, which may be provoked by some means.
func provoked(g *licensed, able func() bool, by ...harness.Provoker) harness.Run {
	GinkgoHelper()
	return provokedBy(g, able, g.means(), by...)
}

// provokedBy is such a run where only some means have an effect.
func provokedBy(g *licensed, able func() bool, means harness.Means, by ...harness.Provoker) harness.Run {
	GinkgoHelper()
	e := &harness.Experiment{Run: newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}}), Journal: &memory{}}
	timing := harness.Timing{Settle: time.Second, Patience: time.Second, Recover: 12 * time.Second, Look: 50 * time.Millisecond, Longest: 4 * seldom}
	e.Run.Settings.Settle, e.Run.Settings.Longest, e.Run.Settings.Order, e.Run.Settings.Provoke = timing.Settle, timing.Longest, "exact", by
	var err error
	synctest.Test(suite, func(*testing.T) {
		bench := &harness.Bench{Number: 1, Gateway: g, Scenarios: []harness.Scenario{works(able)}, Timing: timing, First: 3 * seldom, Provoke: means, Restart: g.start}
		bench.Wake = func(ctx context.Context) error {
			if slices.Contains(by, harness.ByStart) {
				return g.up(ctx)
			}
			return nil
		}
		e.Lanes = []harness.Lane{bench}
		err = e.Do(context.Background())
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(e.Run.Status).To(Equal(harness.Complete), e.Run.Why)
	return e.Run
}

// holds is for how long a run has held its blocks and looked for what can be provoked, without the last hold.
func holds(run harness.Run) (sum time.Duration) {
	for _, r := range run.Results {
		if r.Trial.Provoke != "" || !r.Trial.Control() && r.Trial.Hold == 0 {
			sum += r.Held
		}
	}
	return sum
}

func expectVerdicts(run harness.Run, seed uint64, verdicts map[string]harness.Verdict) {
	GinkgoHelper()
	for word, verdict := range verdicts {
		Expect(cellOf(run, word).Verdict).To(Equal(verdict), "%s, seed %d", word, seed)
	}
}

var _ = Describe("a device that contacts something seldom, and when it is provoked", Label("norace"), func() {
	harmless := map[string]harness.Verdict{"cloud": harness.Required, "log": harness.Optional, "update": harness.Optional, "shop": harness.Optional}

	for _, by := range harness.Provokers() {
		Describe("by "+string(by), func() { whenProvoked(by, harmless) })
	}

	It("is provoked by the gentlest means that helps", func() {
		for _, by := range harness.Provokers() {
			g := eager(rand.New(rand.NewPCG(1, 1)))
			helps := g.means()
			run := provokedBy(g, g.works, harness.Means{by: helps[by], harness.ByStart: helps[harness.ByStart]}, harness.Provokers()...)
			used := map[harness.Provoker]bool{}
			for _, r := range run.Results {
				if r.Provoked != nil {
					used[r.Provoked.By] = true
				}
			}
			Expect(used).To(Equal(map[harness.Provoker]bool{by: true}))
			expectVerdicts(run, 1, harmless)
		}
	})

	It("is left alone if it contacts nothing seldom", func() {
		g := eager(rand.New(rand.NewPCG(1, 1)))
		g.clocks = map[string]punctuality{"cloud": {every: time.Second}, "log": {every: time.Second}, "shop": {every: 2 * time.Second}}
		provoked(g, g.works, harness.ByLease, harness.ByLink)
		Expect(g.ups).To(BeEmpty())
	})
})

// whenProvoked holds of each means.
func whenProvoked(by harness.Provoker, harmless map[string]harness.Verdict) {
	It("is decided in less than half of the time", func() {
		var waited, saved time.Duration
		for seed := range uint64(24) {
			g := eager(rand.New(rand.NewPCG(seed, 1)))
			left := provoked(g, g.works)
			Expect(g.ups).To(BeEmpty())
			g = eager(rand.New(rand.NewPCG(seed, 1)))
			run := provoked(g, g.works, by)
			Expect(len(g.ups)).To(BeNumerically(">=", 2), "a control and a trial")
			expectVerdicts(left, seed, harmless)
			expectVerdicts(run, seed, harmless)
			Expect(harness.Judge(run).Columns[0].Certified).To(Equal("exact"))
			waited, saved = waited+holds(left), saved+holds(run)
		}
		AddReportEntry("time in holds, provoked and not", []time.Duration{saved, waited})
		Expect(float64(saved)).To(BeNumerically("<", 0.5*float64(waited)))
	})

	It("does not need what it needs only when it is provoked", func() {
		for seed := range uint64(12) {
			g := eager(rand.New(rand.NewPCG(seed, 2)))
			run := provoked(g, func() bool {
				up := len(g.ups) > 0 && g.ups[len(g.ups)-1].After(g.since)
				return g.works() && (!up || !g.blocks("shop"))
			}, by)
			Expect(g.ups).NotTo(BeEmpty())
			expectVerdicts(run, seed, harmless)
		}
	})

	It("needs what it bears to miss only when it is provoked", func() {
		ups := 0
		for seed := range uint64(24) {
			g := eager(rand.New(rand.NewPCG(seed, 3)))
			if seed%3 > 0 { // little else is tried before
				delete(g.clocks, "log")
			}
			if seed%3 > 1 {
				g.clocks["news"] = punctuality{every: seldom / 4, first: (g.clocks["shop"].first + 400*time.Millisecond) % (seldom / 4)}
			}
			run := provoked(g, func() bool {
				_, contacted := g.byClock("shop")
				return g.works() && (!contacted || !g.blocks("shop"))
			}, by)
			ups += len(g.ups)
			Expect(cellOf(run, "shop").Verdict).To(Equal(harness.Required), "seed %d", seed)
			Expect(cellOf(run, "update").Verdict).To(Equal(harness.Optional), "seed %d", seed)
		}
		Expect(ups).To(BeNumerically(">", 0))
	})

	It("is left alone once it did not work after that with nothing blocked", func() {
		for seed := range uint64(12) {
			g := eager(rand.New(rand.NewPCG(seed, 4)))
			run := provoked(g, func() bool {
				last := g.ups[max(0, len(g.ups)-1):]
				away := len(last) > 0 && last[0].After(g.born) && time.Since(last[0]) < 5*time.Second
				return g.works() && !away
			}, by)
			controls := 0
			for _, r := range run.Results {
				if r.Provoked != nil {
					Expect(r.Trial.Control()).To(BeTrue())
					controls++
				}
			}
			Expect(controls).To(Equal(2))
			expectVerdicts(run, seed, harmless)
		}
	})
}

var _ = DescribeTable("what is tried only when the device is provoked is no alternative because of that",
	func(provoked bool, verdict harness.Verdict) {
		shop, news := destination("shop"), destination("news")
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Settings.Settle, run.Settings.Provoke = time.Second, []harness.Provoker{harness.ByLink}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		add := func(by harness.Provoker, answer harness.Answer, block ...harness.Destination) {
			result := harness.Result{
				Trial:   harness.Trial{Number: len(run.Results) + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady},
				Started: at, Held: time.Minute, Duration: time.Minute, Recovered: true,
				Outcomes: map[string]harness.Outcome{"app": {Answer: answer}},
			}
			if by != "" {
				result.Trial.Provoke, result.Provoked = by, &harness.Provoked{By: by, After: 2 * time.Second, Contacted: []harness.Destination{shop}}
			}
			if by != "" && len(block) == 0 {
				result.Trial.Reason = "provoke"
			}
			for _, d := range []harness.Destination{shop, news} {
				contact := harness.Contact{Destination: d, Tries: 1, First: at.Add(3 * time.Second), Last: at.Add(3 * time.Second)}
				for _, b := range block {
					if b == d {
						contact.Attempts, contact.Touched, contact.Attempted = 1, 1, contact.First
					}
				}
				result.Seen.Contacts = append(result.Seen.Contacts, contact)
			}
			run.Results, at = append(run.Results, result), at.Add(time.Hour)
		}
		by := harness.ByLink
		if !provoked {
			by = ""
		}
		add("", harness.Pass)
		add(by, harness.Pass)
		add(by, harness.Pass, shop)
		add("", harness.Pass, news)
		add("", harness.Fail, shop, news)
		Expect(cellOf(run, "shop").Verdict).To(Equal(verdict))
	},
	Entry("provoked", true, harness.Undecided),
	Entry("left alone", false, harness.Alternative),
)
