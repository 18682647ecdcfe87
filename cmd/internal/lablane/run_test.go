package lablane_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// told is a journal that tells the trials when the spec fails. Progress is not
// asked for: to work it out takes longer than a quick trial.
type told struct{}

func (told) Append(result harness.Result) error {
	trial := result.Trial
	fmt.Fprintf(GinkgoWriter, "%d %s %s %v: ", trial.Number, trial.Reason, trial.Fault, trial.Block)
	for name, outcome := range result.Outcomes {
		fmt.Fprintf(GinkgoWriter, "%s %s %s ", name, outcome.Answer, outcome.Why)
	}
	fmt.Fprintln(GinkgoWriter, result.Suspect, "held", result.Held, "in all", result.Duration)
	return nil
}

// find takes a world from the library and quickens it.
func find(name string) lab.World {
	GinkgoHelper()
	world, err := lab.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return quick(world)
}

// quick gives a world the tempo of tests: as fast as this machine can follow
// just now. A world with periods of its own keeps its tempo, which fits them.
func quick(world lab.World) lab.World {
	GinkgoHelper()
	for _, destination := range world.Destinations {
		if destination.Every > 0 {
			return world
		}
	}
	contact := min(max(60*time.Millisecond, 5*lateness()), 400*time.Millisecond)
	world.Tempo = lab.Tempo{Contact: contact, Patience: 3, Poll: 2 * contact}
	made, err := labtest.Make(world)
	Expect(err).NotTo(HaveOccurred())
	return made
}

// lateness is the longest by which a goroutine woke up too late, of a few dozen.
func lateness() (longest time.Duration) {
	const nap = 5 * time.Millisecond
	for range 40 {
		due := time.Now().Add(nap)
		<-time.After(nap)
		longest = max(longest, time.Since(due))
	}
	return longest
}

func overIPv6(world lab.World) lab.World {
	GinkgoHelper()
	moved, err := labtest.OverIPv6(world)
	Expect(err).NotTo(HaveOccurred())
	return moved
}

// start puts a world on a lane, which is taken down when the spec ends.
func start(ctx context.Context, run harness.Run, world lab.World, number int) *lablane.Lane {
	GinkgoHelper()
	lane, err := lablane.Start(ctx, run, world, number)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(lane.Close)
	return lane
}

// experiment runs the whole experiment on a world. Where the machine turns out to
// be too busy for the world's tempo, it is asked again at a slower one.
func experiment(ctx context.Context, world lab.World, settings harness.Settings) harness.Run {
	GinkgoHelper()
	run := once(ctx, world, settings)
	for strings.Contains(run.Why, "too busy") && world.Tempo.Contact < 500*time.Millisecond {
		world.Tempo.Contact, world.Tempo.Poll = 2*world.Tempo.Contact, 2*world.Tempo.Poll
		made, err := labtest.Make(world)
		Expect(err).NotTo(HaveOccurred())
		run = once(ctx, made, settings)
	}
	Expect(run.Status).To(Equal(harness.Complete), run.Why)
	return run
}

func once(ctx context.Context, world lab.World, settings harness.Settings) harness.Run {
	GinkgoHelper()
	run := lablane.NewRun(world, settings)
	e := &harness.Experiment{Run: run, Journal: told{}}
	for number := range run.Settings.Lanes {
		lane, err := lablane.Start(ctx, run, world, number+1)
		Expect(err).NotTo(HaveOccurred())
		e.Lanes = append(e.Lanes, lane)
	}
	err := e.Do(ctx)
	for _, lane := range e.Lanes {
		Expect(lane.(*lablane.Lane).Close()).To(Succeed())
	}
	Expect(err).NotTo(HaveOccurred())
	return e.Run
}
