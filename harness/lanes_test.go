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
	// Each of these devices needs two destinations of twenty, and one of four
	// alternatives of a kind.
	DescribeTable("save time: four of them at least 2.8 times", func(devices int) {
		var one, four time.Duration
		for seed := range uint64(devices) {
			device := needy(rand.New(rand.NewPCG(seed, 20)))
			one += lasts(device, 1, seed)
			four += lasts(device, 4, seed)
		}
		ratio := one.Seconds() / four.Seconds()
		AddReportEntry("how many times faster", ratio)
		Expect(ratio).To(BeNumerically(">=", 2.8))
	},
		Entry("with 3 devices", Label("norace"), 3),
		Entry("with 8 devices", Label("whole"), 8),
	)
})

// needy is a device with twenty destinations of two kinds.
func needy(random *rand.Rand) formula {
	required, alternatives := random.Perm(12)[:2], random.Perm(8)[:4]
	for i := range alternatives {
		alternatives[i] += 12
	}
	return needing(12, 8, required[:1], required[1:], alternatives)
}

// needing is a device with destinations on the web and time servers, numbered in this order. It needs one of each group.
func needing(web, times int, groups ...[]int) formula {
	device := formula{}
	for i := range web + times {
		kind := "web"
		if i >= web {
			kind = "time"
		}
		device.contacts = append(device.contacts, fmt.Sprintf("%s%d", kind, i))
	}
	for _, group := range groups {
		var names []string
		for _, i := range group {
			names = append(names, device.contacts[i])
		}
		device.groups = append(device.groups, names)
	}
	device.scenarios = map[string]func(func(string) bool) bool{
		"app": func(reached func(string) bool) bool {
			return !slices.ContainsFunc(device.groups, func(group []string) bool { return !slices.ContainsFunc(group, reached) })
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

func (l *slowLane) Run(ctx context.Context, trial harness.Trial) (result harness.Result, err error) {
	select {
	case <-l.abandoned: // too late for the trial that it was meant for
	default:
	}
	held, recovers := l.about(640*time.Millisecond), time.Duration(0)
	if !trial.Control() {
		held, recovers = l.about(time.Duration(750+l.random.IntN(450))*time.Millisecond), l.about(150*time.Millisecond)
	}
	began := time.Now()
	defer func() {
		<-time.After(recovers)
		result.Duration = time.Since(began)
	}()
	select {
	case <-l.abandoned:
		return harness.Result{Trial: trial, Abandoned: true, Recovered: true}, nil
	case <-time.After(held):
		return l.lane.Run(ctx, trial)
	}
}

// about is a little longer than a time. So no two trials end at the same moment: their order would be up to chance, and not to the seed.
func (l *slowLane) about(d time.Duration) time.Duration {
	return d + time.Duration(l.random.Int64N(int64(time.Millisecond)))
}
