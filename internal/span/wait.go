package span

import (
	"context"
	"time"
)

// Wait waits for a length of time, none if it is negative. If ctx ends earlier, it
// returns the error of ctx.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
