package harness

import (
	"context"
	"fmt"
	"time"
)

// offerTime has the device's lease name the gateway as the time server, or not, and may
// wait until the device knows.
func (b *Bench) offerTime(ctx context.Context, on, wait bool) error {
	leases, can := b.Gateway.(LeaseGateway)
	if !can || on == b.offered && !b.renews {
		return nil
	}
	b.offered, b.renews = on, true
	if wait {
		b.tell(Step{Phase: Renewing, Until: time.Now().Add(leases.Renewal())})
	}
	if err := leases.OfferTime(ctx, on, wait); err != nil {
		return fmt.Errorf("waiting for the device to renew its lease: %w", err)
	}
	b.renews = false
	return nil
}

// offerNoTime ends an offer without waiting: the next trial waits before it blocks anything.
func (b *Bench) offerNoTime(ctx context.Context) error {
	if !b.offered {
		return nil
	}
	err := b.offerTime(ctx, false, false)
	b.renews = true
	return err
}

// noteLease notes whether a block may wait for a lease that names a time server, and how long
// that takes.
func (b *Bench) noteLease(seen *Observation) {
	if seen.AsksTime = seen.AsksTime && b.awaitsLease(); seen.AsksTime {
		seen.Renewal = b.Gateway.(LeaseGateway).Renewal()
	}
}

// awaitsLease reports whether a block may be held for as long as the device may take to renew
// its lease.
func (b *Bench) awaitsLease() bool {
	leases, can := b.Gateway.(LeaseGateway)
	return can && (b.Timing.Longest == 0 || leases.Renewal() <= b.Timing.Longest)
}

// withdrawTime ends the offer of a trial that is judged while its block still stands, and so
// while the server that the device was told of still answers. If the block is lifted, it waits
// no longer: the next trial does, before it blocks anything.
func (b *Bench) withdrawTime(ctx context.Context, trial Trial) error {
	waiting, release := context.WithCancel(ctx)
	defer release()
	b.holdUntil(release, trial)
	err := b.offerTime(waiting, false, trial.Regime != ColdBoot)
	b.holdUntil(nil, Trial{})
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return nil
	}
	return err
}
