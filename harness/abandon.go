package harness

import (
	"context"
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
