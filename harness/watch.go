package harness

import (
	"context"
	"maps"
	"sync"
	"time"
)

// watches are the scenarios that are judged over a whole trial, while they are.
type watches struct {
	enough   chan struct{}
	all      sync.WaitGroup
	mutex    sync.Mutex
	outcomes map[string]Outcome
}

// watch begins to watch them. A trial that is held on is judged part by part: over all of a
// day, the failure of an hour would not be seen.
func (b *Bench) watch(ctx context.Context, trial Trial) *watches {
	w := &watches{enough: make(chan struct{}), outcomes: map[string]Outcome{}}
	part := time.Duration(0)
	if trial.Hold > 0 {
		part = b.between(trial)
	}
	for _, scenario := range trial.asked(b.Scenarios) {
		if scenario.Watch == nil {
			continue
		}
		w.all.Go(func() {
			started := time.Now()
			outcome := w.watch(ctx, scenario, part)
			outcome.Duration = time.Since(started)
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.outcomes[scenario.Name] = outcome
		})
	}
	return w
}

// watch watches a scenario until there is enough, or until it did not pass over one part.
func (w *watches) watch(ctx context.Context, scenario Scenario, part time.Duration) Outcome {
	if part == 0 {
		return scenario.Watch(ctx, w.enough)
	}
	started, worked := time.Now(), time.Duration(0)
	for {
		outcome, over := w.watchPart(ctx, scenario, part)
		if outcome.Answer == Fail {
			outcome.Broke = &Broke{After: time.Since(started), Worked: worked}
		}
		if over || outcome.Answer != Pass {
			return outcome
		}
		worked = time.Since(started)
	}
}

// watchPart watches a scenario for as long as a part lasts. over reports whether there was
// enough before that.
func (w *watches) watchPart(ctx context.Context, scenario Scenario, part time.Duration) (outcome Outcome, over bool) {
	enough, done := make(chan struct{}), make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		timer := time.NewTimer(part)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-w.enough:
		case <-done:
		}
		close(enough)
	})
	outcome = scenario.Watch(ctx, enough)
	close(done)
	waiting.Wait()
	select {
	case <-w.enough:
		return outcome, true
	default:
		return outcome, ctx.Err() != nil
	}
}

// conclude ends the watching, and tells what it came to.
func (w *watches) conclude() map[string]Outcome {
	close(w.enough)
	w.all.Wait()
	return w.outcomes
}

// sofar adds what the watching came to that is over.
func (w *watches) sofar(outcomes map[string]Outcome) map[string]Outcome {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	all := maps.Clone(outcomes)
	maps.Copy(all, w.outcomes)
	return all
}
