package lablane_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("the time that a run still takes", func() {
	DescribeTable("is estimated at half time within 30 %, in the median over the library's worlds", func(observed int) {
		var wrong []float64
		for _, world := range lab.Library() {
			if device, able := onPaper(world); able {
				device.first = time.Duration(observed) * device.settle
				miss := missAtHalfTime(world, device)
				fmt.Fprintf(GinkgoWriter, "%s: %.2f\n", world.Name, miss)
				wrong = append(wrong, math.Abs(miss))
			}
		}
		Expect(len(wrong)).To(BeNumerically(">", 20))
		slices.Sort(wrong)
		median := wrong[len(wrong)/2]
		AddReportEntry("median", median)
		Expect(median).To(BeNumerically("<=", 0.3))
	},
		Entry("of a lab", 1),
		Entry("of a real device, which is observed for long at first", 20), // 30 min, and 90 s after each block
	)
})

// missAtHalfTime is by which share of it the time that was left was missed, when half of
// the run was over: 0.5 is half too much, -0.5 half too little.
func missAtHalfTime(world lab.World, device *paperLane) (miss float64) {
	GinkgoHelper()
	var failure error
	synctest.Test(suite, func(*testing.T) {
		run := lablane.NewRun(world, harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Order: "exact", Lanes: 1, Seed: 1})
		var told []harness.Progress
		e := &harness.Experiment{Run: run, Lanes: []harness.Lane{device}, Journal: forgetful{}, Notify: func(event harness.Event) {
			if event.Kind == harness.Ended {
				told = append(told, event.Progress)
			}
		}}
		if failure = e.Do(context.Background()); failure != nil {
			return
		}
		half := e.Run.Duration / 2
		last := told[0]
		for _, progress := range told {
			if progress.Elapsed <= half {
				last = progress
			}
		}
		left := e.Run.Duration - last.Elapsed
		miss = float64(last.Remaining-left) / float64(left)
	})
	Expect(failure).NotTo(HaveOccurred(), world.Name)
	return miss
}

// forgetful is a journal that keeps nothing.
type forgetful struct{}

func (forgetful) Append(harness.Result) error { return nil }

// paperLane carries out trials on what a world's text says its device needs. Each takes its
// time as the trials of a real device do: one that fails is held twice as long as one that
// passes, and the device needs a while to recover.
type paperLane struct {
	contacts []harness.Destination
	cuts     map[string][][]harness.Destination // by scenario
	settle   time.Duration
	first    time.Duration // of the first trial; it is cleared with that
}

// onPaper is the device of a world; able is false if more than what is blocked decides
// what fails.
func onPaper(world lab.World) (lane *paperLane, able bool) {
	lane = &paperLane{cuts: map[string][][]harness.Destination{}, settle: world.Settle()}
	for _, scenario := range lablane.Infos(world) {
		expected, err := labtest.Expect(world, scenario.Name, labtest.Steady)
		if err != nil || !expected.Monotone {
			return lane, false
		}
		for id, verdict := range expected.Verdicts {
			if d, err := harness.ParseDestination(id); err == nil && verdict != string(harness.NotExercised) && !slices.Contains(lane.contacts, d) {
				lane.contacts = append(lane.contacts, d)
			}
		}
		for _, cut := range expected.Cuts {
			var set []harness.Destination
			for _, id := range cut {
				d, err := harness.ParseDestination(id)
				if err != nil {
					return lane, false
				}
				set = append(set, d)
			}
			lane.cuts[scenario.Name] = append(lane.cuts[scenario.Name], set)
		}
		if lane.cuts[scenario.Name] == nil {
			lane.cuts[scenario.Name] = [][]harness.Destination{}
		}
	}
	slices.SortFunc(lane.contacts, harness.Destination.Compare)
	return lane, len(lane.contacts) > 1
}

func (l *paperLane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result := harness.Result{Trial: trial, Started: time.Now(), Outcomes: map[string]harness.Outcome{}, Recovered: true}
	blocked := func(d harness.Destination) bool { return slices.Contains(trial.Block, d) }
	for _, d := range l.contacts {
		contact := harness.Contact{Destination: d, Tries: 1, Answered: !blocked(d)}
		if blocked(d) {
			contact.Attempts, contact.Touched = 1, 1
		}
		result.Seen.Contacts = append(result.Seen.Contacts, contact)
	}
	takes := max(l.first, l.settle*5/4)
	l.first = 0
	for name, cuts := range l.cuts {
		result.Outcomes[name] = harness.Outcome{Answer: harness.Pass}
		if slices.ContainsFunc(cuts, func(cut []harness.Destination) bool {
			return !slices.ContainsFunc(cut, func(d harness.Destination) bool { return !blocked(d) })
		}) {
			result.Outcomes[name] = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
			takes = l.settle * 5 / 2
		}
	}
	<-time.After(takes)
	result.Duration = time.Since(result.Started)
	return result, ctx.Err()
}
