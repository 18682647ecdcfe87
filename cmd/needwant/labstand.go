package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/needwant/needwant/cmd/internal/specbench"
	"github.com/needwant/needwant/scenarios"
)

// labStand puts a simulated device on the bench, with the scenarios of a file.
func labStand(ctx context.Context, out io.Writer, person *person, file scenarios.File, list scenarios.List, options standOptions) (*stand, error) {
	world, err := specbench.World(file)
	if err != nil {
		return nil, usage(err)
	}
	lane, err := specbench.OnLab(ctx, file, list, world, specbench.Options{Driver: options.driver, Only: options.only, Ask: person.asker()})
	if err != nil {
		return nil, unfit(fmt.Errorf("%w\n  needwant doctor says what this machine lacks", err))
	}
	if err := lane.Gateway.Know(options.known); err != nil {
		return nil, unfit(errors.Join(err, lane.Close()))
	}
	if options.observe {
		lane.First = file.Timing.Observe
	}
	fmt.Fprintf(out, "lab %s: its device is %s, its Home Assistant %s with %s; their tokens are known\n",
		world.Name, lane.Lab.Device.Address, lane.Lab.Assistant.URL, lane.Lab.Assistant.Entity)
	return &stand{bench: lane.Bench, lane: lane, close: lane.Close, person: person, simulated: true}, nil
}
