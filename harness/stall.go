package harness

import (
	"sync/atomic"
	"time"
)

// tick is how often a program that runs is seen to run.
const tick = 50 * time.Millisecond

// stalled measures for how long this program stands still, as one does that is
// stopped, or starved: the longest time at a stretch. Then the gateway answers
// nothing, and the scenarios time out, for no fault of the device.
func stalled() (longest func() time.Duration, stop func()) {
	var most atomic.Int64
	end := make(chan struct{})
	go func() {
		last := time.Now()
		for again := time.NewTicker(tick); ; {
			select {
			case <-end:
				again.Stop()
				return
			case <-again.C:
			}
			most.Store(max(most.Load(), int64(time.Since(last)-tick)))
			last = time.Now()
		}
	}()
	return func() time.Duration { return time.Duration(most.Load()) }, func() { close(end) }
}
