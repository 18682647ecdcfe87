package lablane_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
	"github.com/needwant/needwant/netns/lab"
)

// BenchmarkLane builds a lab with its gateway, ready for the first trial, and
// takes it down.
func BenchmarkLane(b *testing.B) {
	world, run := forum(b)
	for b.Loop() {
		lane, err := lablane.Start(context.Background(), run, world, 1)
		if err != nil {
			b.Fatal(err)
		}
		if err := lane.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTrial is all of a trial but the waiting for the device: the plan from
// what 20 trials before it showed, block, observe, unblock, observe, and the run
// file. The scenarios pass at once, and nothing is given time to settle.
func BenchmarkTrial(b *testing.B) {
	world, run := forum(b)
	lane, err := lablane.Start(context.Background(), run, world, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = lane.Close() }()
	lane.Bench.Timing, lane.Bench.Scenarios = harness.Timing{}, nil
	for _, info := range run.Scenarios {
		lane.Bench.Scenarios = append(lane.Bench.Scenarios, harness.Scenario{
			Name:  info.Name,
			Check: func(context.Context) harness.Outcome { return harness.Outcome{Answer: harness.Pass} },
		})
	}
	file, err := runfile.Create(filepath.Join(b.TempDir(), "bench.run"), run)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var all []harness.Destination
	for _, d := range world.Destinations {
		all = append(all, harness.Destination{Protocol: d.Protocol, Port: d.Port, Name: d.Host})
	}
	for number := 1; b.Loop(); number++ {
		result, err := lane.Run(context.Background(), trial(number, all...))
		if err != nil {
			b.Fatal(err)
		}
		if err := file.Append(result); err != nil {
			b.Fatal(err)
		}
		if len(run.Results) < 20 {
			run.Results = append(run.Results, result)
		}
		harness.Judge(run) // more than the planner asks for
	}
}

func forum(b *testing.B) (lab.World, harness.Run) {
	b.Helper()
	world, err := lab.Find("s50-thread")
	if err != nil {
		b.Fatal(err)
	}
	return world, lablane.NewRun(world, harness.Settings{})
}
