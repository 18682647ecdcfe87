package main

import (
	"context"
	"fmt"
	"time"

	"github.com/needwant/needwant/cmd/internal/page"
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// keeper keeps a policy on a gateway, except while a person wants everything reachable.
type keeper struct {
	gateway harness.Gateway
	policy  harness.Trial        // what it blocks, and with which stand-ins
	orders  <-chan harness.Order // nil if nobody can give any
	show    func(held *harness.Order)
	until   <-chan time.Time // of an order that ends by itself
}

// keep obeys orders until ctx ends or over is closed. The policy is on the gateway already.
// The error is that of a block.
func (k *keeper) keep(ctx context.Context, over <-chan struct{}) error {
	k.show(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-over:
			return nil
		case order := <-k.orders:
			if err := k.obey(ctx, order); err != nil {
				return err
			}
		case <-k.until:
			if err := k.obey(ctx, harness.Order{Do: harness.Resume}); err != nil {
				return err
			}
		}
	}
}

func (k *keeper) obey(ctx context.Context, order harness.Order) error {
	k.until = nil
	switch order.Do {
	case harness.Allow:
		k.until = time.After(time.Until(order.Until))
		fallthrough
	case harness.Pause:
		k.show(&order)
		return k.gateway.Block(ctx, nil, k.policy.Fault)
	case harness.Resume, harness.Skip, harness.Stop, harness.Keep:
	}
	k.show(nil)
	return k.policy.BlockOn(ctx, k.gateway)
}

// policy shows what a gateway blocks, and for how long it does not.
func (w *webPage) policy(device harness.Device, policy harness.Trial, always bool) func(held *harness.Order) {
	if w == nil {
		return func(*harness.Order) {}
	}
	report := reports.NewReport(harness.Run{Device: device, Status: harness.Running}, harness.Judgement{})
	return func(held *harness.Order) {
		live := reports.Live{Now: reports.Now{Held: held, Kept: always}.Sentence(), Blocked: policy.Block, StandIns: policy.StandIns, Held: held != nil, Orders: []harness.Do{harness.Pause, harness.Allow}}
		switch {
		case held != nil:
			live.Blocked, live.Orders = nil, []harness.Do{harness.Resume}
		case len(policy.Block) == 1:
			live.Now = "1 destination is blocked"
		default:
			live.Now = fmt.Sprintf("%d destinations are blocked", len(policy.Block))
		}
		w.put(page.Content{Report: func() reports.Report { return report }, Live: live})
	}
}
