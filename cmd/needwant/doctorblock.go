package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/cmd/internal/lablane"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
)

// blocking blocks everything for a simulated device, over IPv4 and IPv6, and
// looks whether the block bites, is seen, and lifts.
func blocking(driver string) func(context.Context) (finding, error) {
	return func(ctx context.Context) (found finding, err error) {
		for _, slower := range []time.Duration{1, 3, 8} { // a machine may be busy
			found, err = blockOnce(ctx, driver, slower)
			if _, busy := errors.AsType[*remediedError](err); !busy || ctx.Err() != nil {
				break
			}
		}
		return found, err
	}
}

func blockOnce(ctx context.Context, driver string, slower time.Duration) (finding, error) {
	world, err := lab.Find("all-optional")
	if err != nil {
		return finding{}, err
	}
	world.Tempo.Contact *= slower
	world.Tempo.Poll *= slower
	run := lablane.NewRun(world, harness.Settings{Driver: driver})
	lane, err := lablane.Start(ctx, run, world, 1)
	if err != nil {
		return finding{}, err
	}
	defer func() { _ = lane.Close() }() // its namespaces go with it in any case
	return tryBlock(ctx, lane)
}

func tryBlock(ctx context.Context, lane harness.Lane) (finding, error) {
	control, err := lane.Run(ctx, harness.Trial{Number: 1, Fault: harness.Reject, Regime: harness.Steady})
	if err != nil {
		return finding{}, err
	}
	blocked := harness.Trial{Number: 2, Fault: harness.Reject, Regime: harness.Steady}
	for _, contact := range control.Seen.Contacts {
		if contact.Answered {
			blocked.Block = append(blocked.Block, contact.Destination)
		}
	}
	result, err := lane.Run(ctx, blocked)
	if err != nil {
		return finding{}, err
	}
	for _, d := range blocked.Block {
		contact, _ := result.Seen.Contact(d)
		if contact.Attempts == 0 || contact.Answered {
			return finding{}, fmt.Errorf("%s was blocked, tried %d times, and answered: %t", d, contact.Attempts, contact.Answered)
		}
	}
	switch {
	case len(blocked.Block) == 0:
		return finding{}, errors.New("with nothing blocked, a simulated device reached nothing")
	case result.Suspect != "":
		return finding{}, &remediedError{errors.New(result.Suspect), "this says nothing about blocking: run doctor again when the machine has less to do"}
	case !result.Recovered:
		return finding{}, errors.New("after the block was lifted the simulated device did not recover")
	}
	return ok(fmt.Sprintf("a simulated device lost %d destinations over %s, and got them back", len(blocked.Block), versions(result.Seen))), nil
}

// versions are those of IP that the blocked destinations were tried over.
func versions(seen harness.Observation) string {
	var four, six bool
	for _, contact := range seen.Contacts {
		for _, address := range contact.Addresses {
			four = four || address.Is4()
			six = six || address.Is6()
		}
	}
	if four && six {
		return "IPv4 and IPv6"
	}
	if six {
		return "IPv6 alone"
	}
	return "IPv4 alone"
}
