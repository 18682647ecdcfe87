package harness

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Abandon gives up the trial that Run is carrying out, if it is still being
// held. It may be called from any goroutine.
func (b *Bench) Abandon() {
	select {
	case b.abandoned() <- struct{}{}:
	default:
	}
}

// resume forgets an Abandon that came too late for the trial it was meant for.
func (b *Bench) resume() {
	select {
	case <-b.abandoned():
	default:
	}
}

func (b *Bench) abandoned() chan struct{} {
	b.making.Do(func() { b.abandon = make(chan struct{}, 1) })
	return b.abandon
}

// pause waits, or returns early when the trial is given up, or with the error
// of an ended context.
func (b *Bench) pause(ctx context.Context, d time.Duration) (abandoned bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-b.abandoned():
		return true, nil
	case <-timer.C:
		return false, nil
	}
}

// Lift gives up the trial with this number, and makes everything reachable at once:
// checks that are under way are ended. It may be called from any goroutine, also before
// the trial begins.
func (b *Bench) Lift(trial int) {
	b.lifting.Lock()
	defer b.lifting.Unlock()
	if b.lifted = trial; b.release != nil {
		b.release()
	}
}

// holdUnlessLifted keeps the block until every scenario is judged, or until it is lifted:
// then it unblocks everything, and the result says nothing.
func (b *Bench) holdUnlessLifted(ctx context.Context, result *Result) (lifted bool, err error) {
	holding, release := context.WithCancel(ctx)
	defer release()
	b.holdUntil(release, result.Trial)
	err = b.hold(holding, result)
	b.holdUntil(nil, Trial{})
	if holding.Err() == nil || ctx.Err() != nil {
		return false, err
	}
	result.Abandoned, result.Outcomes = true, map[string]Outcome{}
	if err := b.Gateway.Block(ctx, nil, result.Trial.Fault); err != nil {
		return true, fmt.Errorf("unblocking in trial %d: %w", result.Trial.Number, err)
	}
	if err := b.offerNoTime(ctx); err != nil {
		return true, err
	}
	result.Held = time.Since(result.Started)
	result.Duration = result.Held
	return true, nil
}

// holdUntil is what [Bench.Lift] does from now on; nil is nothing. It does it if it was to be
// done for this trial already.
func (b *Bench) holdUntil(release context.CancelFunc, trial Trial) {
	b.lifting.Lock()
	defer b.lifting.Unlock()
	if b.release = release; release != nil && b.lifted == trial.Number {
		release()
	}
}

// settled reports whether what is known already implies what a trial would
// answer, for every scenario.
func (h history) settled(trial Trial) bool {
	for _, column := range h.columns(trial.Regime, trial.Fault) {
		if !slices.Contains(trial.Unasked, column.Scenario.Name) && !h.knows(column, trial) {
			return false
		}
	}
	return true
}
