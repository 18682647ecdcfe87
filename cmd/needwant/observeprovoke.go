package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway"
)

// provokes finds out what the device contacts when it is provoked by each of some means, if it was silent for a while before.
// A connection that is in use is not silent, though the link, once it was down, makes the device open it again.
func (f *observeFlags) provokes(ctx context.Context, notes io.Writer, b *harness.Bench, passed *gateway.Traffic, means []harness.Provoker) (found map[harness.Destination][]harness.Provoker, err error) {
	found = map[harness.Destination][]harness.Provoker{}
	means = slices.DeleteFunc(slices.Clone(means), func(by harness.Provoker) bool { return b.Provoke[by] == nil })
	if len(means) == 0 {
		return found, nil
	}
	inUse, err := f.inUse(ctx, b, passed)
	if err != nil {
		return found, err
	}
	for _, by := range means {
		if !f.quiet {
			fmt.Fprintf(notes, "provokes contacts: %s\n", by.Words())
		}
		before, err := b.Gateway.Observe(ctx)
		if err != nil {
			return found, err
		}
		began, err := b.Provoke[by](ctx)
		if err != nil {
			return found, err
		}
		if began.IsZero() { // the device did not take part
			continue
		}
		if err := span.Wait(ctx, b.Timing.Settle); err != nil {
			return found, err
		}
		after, err := b.Gateway.Observe(ctx)
		if err != nil {
			return found, err
		}
		for _, now := range after.Contacts {
			old, _ := before.Contact(now.Destination)
			if now.Tries > old.Tries && !now.Last.Before(began) && began.Sub(old.Last) > b.Timing.Settle && !inUse[now.Destination] {
				found[now.Destination] = append(found[now.Destination], by)
			}
		}
	}
	return found, nil
}

// inUse are the destinations with which the device exchanges packets within Settle.
func (f *observeFlags) inUse(ctx context.Context, b *harness.Bench, passed *gateway.Traffic) (use map[harness.Destination]bool, err error) {
	before, err := f.look(ctx, b.Gateway, passed)
	if err != nil {
		return nil, err
	}
	if err := span.Wait(ctx, b.Timing.Settle); err != nil {
		return nil, err
	}
	after, err := f.look(ctx, b.Gateway, passed)
	packets, use := map[harness.Destination]uint64{}, map[harness.Destination]bool{}
	for _, o := range before {
		packets[o.Destination] = o.Packets
	}
	for _, o := range after {
		use[o.Destination] = o.Packets > packets[o.Destination]
	}
	return use, err
}
