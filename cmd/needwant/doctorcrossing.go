package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/cmd/internal/bench"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/scenarios"
)

// The times that the device gets to show up, and then to contact anything.
const (
	doctorWait  = 30 * time.Second
	doctorWatch = 30 * time.Second
)

// crossing looks whether what the device sends crosses the gateway, and puts the
// network back.
func crossing(ctx context.Context, file scenarios.File, list scenarios.List) (finding, error) {
	stand, err := openStand(ctx, nil, file, list, standOptions{standFlags: standFlags{wait: doctorWait}, quiet: true})
	if err != nil {
		return finding{}, err
	}
	seen, err := firstContacts(ctx, stand.bench.Gateway)
	mark, failure := marked(ctx, stand.lane)
	if err := errors.Join(err, failure, stand.close()); err != nil {
		return finding{}, err
	}
	return crossed(seen, mark)
}

// crossed says what was seen of a device that is there, and what was tried.
func crossed(seen []harness.Contact, mark placement.Mark) (finding, error) {
	const back = "a marked packet from another subnet came back across it"
	switch {
	case len(seen) == 0 && mark == placement.MarkCameBack:
		return finding{}, fmt.Errorf("it contacted nothing in %s, though %s: is it at rest? Switch it off and on", span.Words(doctorWatch), back)
	case len(seen) == 0:
		return finding{}, fmt.Errorf("it is there, but nothing that it sends crossed the gateway in %s: does it have another way out, e.g. a second Wi-Fi or a fixed router?", span.Words(doctorWatch))
	}
	found := ok(fmt.Sprintf("is there, and what it sends crosses the gateway, e.g. to %s", seen[0].Destination))
	switch mark {
	case placement.MarkCameBack:
		found.text += "; " + back
	case placement.MarkNotBack:
		found.note = true
		found.text += "; it did not answer a marked packet from another subnet: if checks from lan fail, judge it from the gateway (from: gateway)"
	}
	return found, nil
}

// marked sends a real device a marked packet, unless that cannot be done here.
func marked(ctx context.Context, lane harness.Lane) (placement.Mark, error) {
	if stand, placed := lane.(*bench.Stand); placed {
		return stand.Placed.Marked(ctx)
	}
	return placement.MarkNotSent, nil
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
