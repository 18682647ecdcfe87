package harness

import (
	"context"
	"time"
)

// A machine that is too busy for one trial is often too busy for the next. After trials in a
// row that Doubt spoke against, a bench waits for a calm machine: firstCalm at most after
// the first, four times as long after each further one, and never longer than longestCalm.
const (
	firstCalm   = 2 * time.Second
	longestCalm = 2 * time.Minute
)

// calm waits, if the last trial was doubted, until a time as long as its block was held
// passes without a doubt. The next trial begins in any case: it is judged by its own time.
func (b *Bench) calm(ctx context.Context) error {
	if b.doubted == 0 {
		return nil
	}
	patience := firstCalm
	for n := 1; n < b.doubted && patience < longestCalm; n++ {
		patience *= 4
	}
	until := time.Now().Add(min(patience, longestCalm))
	b.tell(Step{Phase: Calming, Until: until})
	for began := time.Now(); began.Before(until); began = time.Now() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(b.window, time.Until(until))):
		}
		if b.Doubt(began) == "" {
			break
		}
	}
	return nil
}
