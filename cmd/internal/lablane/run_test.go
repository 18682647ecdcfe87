package lablane_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
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
	fmt.Fprintln(GinkgoWriter, result.Suspect)
	return nil
}

// find takes a world from the library and quickens it.
func find(name string) lab.World {
	GinkgoHelper()
	world, err := lab.Find(name)
	Expect(err).NotTo(HaveOccurred())
	return quick(world)
}

// quick gives a world the tempo of tests.
func quick(world lab.World) lab.World {
	GinkgoHelper()
	world.Tempo = lab.Tempo{Contact: 60 * time.Millisecond, Patience: 3, Poll: 120 * time.Millisecond}
	made, err := lab.Make(world)
	Expect(err).NotTo(HaveOccurred())
	return made
}

func overIPv6(world lab.World) lab.World {
	GinkgoHelper()
	moved, err := lab.OverIPv6(world)
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

// experiment runs the whole experiment on a world.
func experiment(ctx context.Context, world lab.World, settings harness.Settings) harness.Run {
	GinkgoHelper()
	run := lablane.NewRun(world, settings)
	e := &harness.Experiment{Run: run, Journal: told{}}
	for number := range run.Settings.Lanes {
		e.Lanes = append(e.Lanes, start(ctx, run, world, number+1))
	}
	Expect(e.Do(ctx)).To(Succeed())
	Expect(e.Run.Status).To(Equal(harness.Complete), e.Run.Why)
	return e.Run
}
