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

// licensed is a device that works until it has missed a destination that it needs for so many times
// in a row, in one trial or several.
type licensed struct {
	*punctual
	patience map[string]int
	before   map[string]int // missed in the windows before this one
}

func (l *licensed) Block(ctx context.Context, block []harness.Destination, fault harness.Fault) error {
	for word := range l.patience {
		l.before[word] = l.misses(word)
	}
	return l.punctual.Block(ctx, block, fault)
}

func (l *licensed) misses(word string) int {
	contact, tried := l.contact(word)
	switch {
	case !tried:
		return l.before[word]
	case l.blocks(word):
		return l.before[word] + contact.Tries
	}
	return 0
}

func (l *licensed) works() bool {
	for word, patience := range l.patience {
		if l.misses(word) >= patience {
			return false
		}
	}
	return true
}

// lived is a run on such a device, in virtual time, with the timing of a lab.
func lived(clocks map[string]punctuality, patience map[string]int, horizon time.Duration) harness.Run {
	GinkgoHelper()
	g := &licensed{punctual: &punctual{clocks: clocks}, patience: patience, before: map[string]int{}}
	e := &harness.Experiment{Run: newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}}), Journal: &memory{}}
	timing := harness.Timing{Settle: time.Second, Patience: time.Second, Recover: 12 * time.Second, Look: 50 * time.Millisecond, Longest: 40 * time.Second}
	e.Run.Settings.Settle, e.Run.Settings.Longest, e.Run.Settings.Horizon, e.Run.Settings.Order = timing.Settle, timing.Longest, horizon, "exact"
	var err error
	synctest.Test(suite, func(*testing.T) {
		bench := &harness.Bench{Number: 1, Gateway: g, Scenarios: []harness.Scenario{works(g.works)}, Timing: timing}
		bench.Wake = func(context.Context) error { return nil }
		e.Lanes = []harness.Lane{bench}
		err = e.Do(context.Background())
	})
	Expect(err).NotTo(HaveOccurred())
	return e.Run
}

// onceADay is a run on the device of the lab's world once-a-day, in virtual time. Of what it contacts
// at the start, the phases are those of the start; update is contacted at a moment by chance. hurried is the
// same device if it contacts all of it often.
func onceADay(chance *rand.Rand, hurried bool) harness.Run {
	GinkgoHelper()
	const often = 200 * time.Millisecond
	clocks := map[string]punctuality{
		"cloud": {every: often}, "log": {every: often}, "time": {every: 2 * time.Second}, "licence": {every: 6 * time.Second},
		"shop": {every: 6 * time.Second}, "update": {every: longestOfADay, first: time.Duration(chance.Int64N(int64(longestOfADay)))},
	}
	if hurried {
		for word := range clocks {
			clocks[word] = punctuality{every: often}
		}
	}
	return lived(clocks, map[string]int{"cloud": 1, "licence": 1}, 0)
}

const longestOfADay = 12 * time.Second

var _ = Describe("a device that needs what it contacts once a day", func() {
	It("is decided in less than four of its longest periods more than if it contacted all of it often", Label("norace"), func() {
		var ratios []float64
		for seed := range uint64(24) {
			chance := rand.New(rand.NewPCG(seed, 1))
			slow, fast := onceADay(chance, false), onceADay(chance, true)
			for word, verdict := range map[string]harness.Verdict{
				"cloud": harness.Required, "licence": harness.Required,
				"log": harness.Optional, "time": harness.Optional, "shop": harness.Optional, "update": harness.Optional,
			} {
				Expect(cellOf(slow, word).Verdict).To(Equal(verdict), "%s, seed %d", word, seed)
				Expect(cellOf(fast, word).Verdict).To(Equal(verdict), "%s, seed %d", word, seed)
			}
			Expect(harness.Judge(slow).Columns[0].Certified).To(Equal("exact"))
			Expect(harness.Judge(slow).Safe[0].Held).To(BeNumerically(">=", longestOfADay-time.Second), "seed %d", seed)
			ratios = append(ratios, float64(slow.Duration-fast.Duration)/float64(longestOfADay))
		}
		slices.Sort(ratios)
		AddReportEntry("longest periods, from the fewest to the most", ratios)
		Expect(ratios[len(ratios)-1]).To(BeNumerically("<", 4))
		Expect(ratios[len(ratios)/2]).To(BeNumerically("<", 3))
	})
})

var _ = Describe("a device that stops when it has missed what it needs three times", Label("norace"), func() {
	It("is found out, though it had missed it in the trial before, too", func() {
		for seed := range uint64(24) {
			chance := rand.New(rand.NewPCG(seed, 2))
			every := 2*time.Second + time.Duration(chance.Int64N(int64(8*time.Second)))
			clocks := map[string]punctuality{"log": {every: time.Second / 5}, "time": {every: time.Second / 5}, "licence": {every: every}}
			if seed%2 == 1 { // and not at the start
				clocks["licence"] = punctuality{every: every, first: time.Duration(chance.Int64N(int64(2 * time.Second)))}
			}
			done := lived(clocks, map[string]int{"licence": 3}, 4*every)
			for word, verdict := range map[string]harness.Verdict{"licence": harness.Required, "log": harness.Optional, "time": harness.Optional} {
				Expect(cellOf(done, word).Verdict).To(Equal(verdict), "%s, every %s, seed %d", word, every, seed)
			}
		}
	})

	It("is not taken to fail at once, if it does in the first check after it had missed it in the trial before", func() {
		log, licence, began := destination("log"), destination("licence"), time.Now()
		run := newRun(formula{scenarios: map[string]func(func(string) bool) bool{"app": always}})
		run.Settings.Settle = time.Second
		at := began
		add := func(held time.Duration, outcome harness.Outcome, block []harness.Destination, tries int) {
			result := harness.Result{
				Trial: harness.Trial{Number: len(run.Results) + 1, Block: block, Fault: harness.Reject, Regime: harness.Steady}, Lane: 1, Sitting: 1,
				Started: at, Held: held, Duration: held, Recovered: true, Outcomes: map[string]harness.Outcome{"app": outcome},
			}
			for _, d := range []harness.Destination{log, licence} {
				contact := harness.Contact{Destination: d, Tries: tries, First: at.Add(time.Second / 2), Quiet: 3 * time.Second}
				contact.Last = contact.First.Add(time.Duration(tries-1) * contact.Quiet)
				if slices.Contains(block, d) {
					contact.Attempts, contact.Touched, contact.Attempted = tries, tries, contact.First
				}
				result.Seen.Contacts = append(result.Seen.Contacts, contact)
			}
			run.Results, at = append(run.Results, result), at.Add(held)
		}
		worked := harness.Outcome{Answer: harness.Pass}
		stopped := harness.Outcome{Answer: harness.Fail, Broke: &harness.Broke{After: time.Second, Touched: []harness.Destination{log, licence}}}
		add(7*time.Second, worked, []harness.Destination{}, 3)
		add(2*time.Second, worked, []harness.Destination{log}, 1)
		add(4*time.Second, worked, []harness.Destination{licence}, 2)
		add(2*time.Second, stopped, []harness.Destination{log, licence}, 1)
		Expect(cellOf(run, "licence").Verdict).NotTo(Equal(harness.Alternative))
		Expect(harness.Judge(run).Safe[0].Destinations).NotTo(ContainElement(licence), "it passed for less time than the failure took")
	})
})
