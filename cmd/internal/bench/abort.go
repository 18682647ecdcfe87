package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios"
)

// Abort is a lane that ends its experiment when the spec's abort_if comes true,
// also while a trial is under way. Make one with Heed.
type Abort struct {
	lane harness.Lane
	text string // of abort_if
	due  func(offline, elapsed time.Duration, trials int) (bool, error)
	end  context.CancelFunc
	over chan struct{}

	mutex  sync.Mutex
	began  time.Time
	worked time.Time
	trials int
	why    string
}

// glance is how often abort_if is looked at.
const glance = 250 * time.Millisecond

// Heed wraps a lane. The experiment must be carried out with the context that it
// returns. Stop ends the watch.
func Heed(ctx context.Context, file scenarios.File, lane harness.Lane) (context.Context, *Abort, error) {
	due, err := file.Abort()
	if err != nil {
		return nil, nil, err
	}
	if due == nil {
		due = func(time.Duration, time.Duration, int) (bool, error) { return false, nil }
	}
	a := &Abort{lane: lane, text: file.AbortIf, due: due, over: make(chan struct{}), began: time.Now(), worked: time.Now()}
	ctx, a.end = context.WithCancel(ctx)
	go a.watch(ctx)
	return ctx, a, nil
}

// Run carries out one trial, and notes whether the device works after it.
func (a *Abort) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	result, err := a.lane.Run(ctx, trial)
	if err != nil {
		return result, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if !trial.Control() {
		a.trials++
	}
	if result.Recovered {
		a.worked = time.Now()
	}
	return result, nil
}

// Lift gives a trial up at once, where the lane can.
func (a *Abort) Lift(trial int) {
	if able, can := a.lane.(harness.Lifter); can {
		able.Lift(trial)
	}
}

// Abandon gives up the trial that is under way, where the lane can.
func (a *Abort) Abandon() {
	if able, can := a.lane.(harness.Abandoner); can {
		able.Abandon()
	}
}

// Learn passes on what the lanes of a run have learnt.
func (a *Abort) Learn(periods map[harness.Destination]time.Duration) {
	if able, can := a.lane.(harness.Learner); can {
		able.Learn(periods)
	}
}

func (a *Abort) watch(ctx context.Context) {
	defer close(a.over)
	again := time.NewTicker(glance)
	defer again.Stop()
	for !a.isDue() {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
	a.end()
}

// isDue reports whether abort_if is true, and keeps the reason.
func (a *Abort) isDue() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	offline := time.Since(a.worked)
	due, err := a.due(offline, time.Since(a.began), a.trials)
	switch {
	case err != nil:
		a.why = "abort_if: " + err.Error()
	case due:
		a.why = fmt.Sprintf("abort_if: %s came true after %d trials, %s after everything was last seen working; the network is as it was",
			a.text, a.trials, span.Words(offline.Round(time.Second)))
	}
	return a.why != ""
}

// Stop ends the watch and returns why it ended the experiment; "" where it did
// not.
func (a *Abort) Stop() string {
	a.end()
	<-a.over
	return a.why
}
