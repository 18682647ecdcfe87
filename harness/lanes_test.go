package harness_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("lanes", func() {
	It("save time: four of them at least 2.8 times", Label("norace"), func() {
		// Each of these devices needs two destinations of twenty, and one of four
		// alternatives of a kind.
		var one, four time.Duration
		for seed := range uint64(8) {
			device := needy(rand.New(rand.NewPCG(seed, 20)))
			one += lasts(device, 1, seed)
			four += lasts(device, 4, seed)
		}
		ratio := one.Seconds() / four.Seconds()
		AddReportEntry("how many times faster", ratio)
		Expect(ratio).To(BeNumerically(">=", 2.8))
	})
})

// needy is a device with twenty destinations of two kinds.
func needy(random *rand.Rand) formula {
	device := formula{}
	for i := range 20 {
		device.contacts = append(device.contacts, fmt.Sprintf("%s%d", []string{"web", "time"}[i/12], i))
	}
	required, alternatives := random.Perm(12)[:2], random.Perm(8)[:4]
	device.scenarios = map[string]func(func(string) bool) bool{
		"app": func(reached func(string) bool) bool {
			reaches := func(i int) bool { return reached(device.contacts[i]) }
			return reaches(required[0]) && reaches(required[1]) &&
				slices.ContainsFunc(alternatives, func(i int) bool { return reaches(12 + i) })
		},
		"hass": always,
	}
	return device
}

// lasts is how long an experiment takes on so many lanes, on a clock that stands
// still while anything is planned.
func lasts(device formula, lanes int, seed uint64) (duration time.Duration) {
	GinkgoHelper()
	var err error
	synctest.Test(suite, func(*testing.T) {
		run := newRun(device)
		run.Settings.Lanes = lanes
		e := &harness.Experiment{Run: run, Journal: &memory{}}
		for i := range lanes {
			e.Lanes = append(e.Lanes, newSlowLane(device, rand.New(rand.NewPCG(seed, uint64(i)))))
		}
		err = e.Do(context.Background())
		duration = e.Run.Duration
	})
	Expect(err).NotTo(HaveOccurred())
	return duration
}

// slowLane takes its time for a trial as the lab does for one at the pace of the
// forum's vacuum, and gives it up when it is told to.
type slowLane struct {
	lane
	random    *rand.Rand
	skew      time.Duration // each of its trials takes longer by this
	abandoned chan struct{}
}

func newSlowLane(device formula, random *rand.Rand) *slowLane {
	return &slowLane{lane: lane{device: device}, random: random, abandoned: make(chan struct{}, 1)}
}

func (l *slowLane) Abandon() {
	select {
	case l.abandoned <- struct{}{}:
	default: // it was told already
	}
}

func (l *slowLane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	select {
	case <-l.abandoned: // too late for the trial that it was meant for
	default:
	}
	held, recovers := 640*time.Millisecond+l.skew, time.Duration(0)
	if !trial.Control() {
		held, recovers = time.Duration(750+l.random.IntN(450))*time.Millisecond+l.skew, 150*time.Millisecond+l.skew
	}
	defer func() { <-time.After(recovers) }()
	select {
	case <-l.abandoned:
		return harness.Result{Trial: trial, Abandoned: true, Recovered: true}, nil
	case <-time.After(held):
		return l.lane.Run(ctx, trial)
	}
}
