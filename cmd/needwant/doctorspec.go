package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios"
)

// doctor examines the machine and, where a spec is given, whether the device of
// the spec lives behind the gateway.
func doctor(ctx context.Context, nameOrPath string) ([]examination, error) {
	if nameOrPath == "" {
		return examinations(), privileges()
	}
	file, err := scenarios.Find(nameOrPath)
	if err != nil {
		return nil, usage(err)
	}
	if err := privilegesFor(file); err != nil {
		return nil, err
	}
	list, err := file.Expand(ctx, file.Scenarios)
	if err != nil {
		return nil, unfit(err)
	}
	return append(examinations(), specExaminations(file, list)...), nil
}

// specExaminations puts the device behind the gateway for a moment, after all
// that can be looked at without that.
func specExaminations(file scenarios.File, list scenarios.List) []examination {
	const more = "docs/placement.md says more"
	var lacking error // what the scenarios need
	device := examination{"device", func(ctx context.Context) (string, error) {
		if lacking != nil {
			return "", errors.New("not looked at: it takes the secrets")
		}
		return crossing(ctx, file, list)
	}, more}
	if file.Gateway.Placement == scenarios.Lab {
		return []examination{device}
	}
	return []examination{
		{"secrets", func(context.Context) (string, error) {
			lacking = bench.Ready(file, list, bench.Options{Ask: asker()})
			return "all there", lacking
		}, more},
		{"placement", func(context.Context) (string, error) { return placeable(file) }, more},
		device,
	}
}

// placeable looks whether the placement can be carried out. It changes nothing.
func placeable(file scenarios.File) (string, error) {
	machine, err := netns.Own()
	if err != nil {
		return "", err
	}
	defer machine.Close()
	plan, err := bench.Plan(file, machine)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s can be carried out, in %d steps", file.Gateway.Placement, len(plan.Steps())), plan.Check()
}

// The times that the device gets to show up, and then to contact anything.
const (
	doctorWait  = 30 * time.Second
	doctorWatch = 30 * time.Second
)

// crossing looks whether what the device sends crosses the gateway, and puts the
// network back.
func crossing(ctx context.Context, file scenarios.File, list scenarios.List) (string, error) {
	stand, err := openStand(ctx, nil, file, list, standOptions{wait: doctorWait, quiet: true})
	if err != nil {
		return "", err
	}
	seen, err := firstContacts(ctx, stand.bench.Gateway)
	back, failure := marked(ctx, stand.lane)
	if err := errors.Join(err, failure, stand.close()); err != nil {
		return "", err
	}
	switch {
	case len(seen) == 0 && !back:
		return "", fmt.Errorf("it is there, but nothing that it sends crossed the gateway in %s: does it use another way, as a second Wi-Fi or a fixed router?", doctorWatch)
	case len(seen) == 0:
		return "", fmt.Errorf("a marked packet came back from it across the gateway, but it contacted nothing in %s: is it at rest? switch it off and on", doctorWatch)
	case !back:
		return fmt.Sprintf("is there, and what it sends crosses the gateway, as to %s; it answers no marked packet from another subnet, so judge it from the gateway (from: gateway)", seen[0].Destination), nil
	}
	return fmt.Sprintf("is there, and what it sends crosses the gateway, as to %s; a marked packet from another subnet came back across it", seen[0].Destination), nil
}

// marked sends a real device a marked packet, and tells whether it came back
// across the gateway.
func marked(ctx context.Context, lane harness.Lane) (bool, error) {
	if stand, placed := lane.(*bench.Stand); placed {
		return stand.Placed.Marked(ctx)
	}
	return false, nil
}

// firstContacts waits until the device contacts something; none, where it does
// not in time.
func firstContacts(ctx context.Context, gateway harness.Gateway) ([]harness.Contact, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorWatch)
	defer cancel()
	again := time.NewTicker(glance)
	defer again.Stop()
	for {
		seen, err := gateway.Observe(context.WithoutCancel(ctx))
		if err != nil || len(seen.Contacts) > 0 {
			return seen.Contacts, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-again.C:
		}
	}
}
