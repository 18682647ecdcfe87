package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// Journal keeps results. A result is safe on disk when Append returns.
type Journal interface {
	Append(result Result) error
}

// Experiment asks trials of its lanes until every column of the run is
// explained, its budget is spent, or the device no longer works by itself.
type Experiment struct {
	Run     Run // with the results of earlier sittings, if any
	Lanes   []Lane
	Journal Journal
	Notify  func(Event)  // progress, called from one goroutine; may be nil
	Orders  <-chan Order // what a person wants; may be nil

	inflight map[int]Trial // by lane
	gone     map[int]bool  // lanes that were lost
	out      map[int]bool  // lanes that were said to be asked nothing more
	sitting  int           // results of earlier sittings
	number   int           // of this sitting
	began    time.Time
	spent    time.Duration // by earlier sittings
	progress Progress
	known    history // see history
	orders   orders
}

// ended is what a lane hands back.
type ended struct {
	lane   int
	result Result
	err    error
}

// Do carries out the experiment. It returns when all lanes have put their
// networks back, with Run.Status saying how it ended; an error is only what
// kept a trial from being carried out or recorded. When ctx ends, the run is
// interrupted and can be resumed.
func (e *Experiment) Do(ctx context.Context) error {
	e.inflight, e.orders = map[int]Trial{}, orders{skipped: map[int]bool{}}
	e.gone, e.out = map[int]bool{}, map[int]bool{}
	e.sitting, e.number = len(e.Run.Results), e.Run.sittings()+1
	e.began, e.spent = time.Now(), e.Run.Duration
	e.Run.Status = Running
	results := make(chan ended)
	var failure error
	for {
		if ctx.Err() == nil && failure == nil && !e.orders.held && !e.orders.stopped {
			e.dispatch(ctx, results)
		}
		if len(e.inflight) == 0 && (failure != nil || !e.waits(ctx)) {
			break
		}
		if err := e.next(ctx, results); err != nil && failure == nil {
			failure = err
		}
	}
	e.Run.Duration = e.spent + time.Since(e.began)
	e.Run.Status, e.Run.Why = e.outcome(ctx, failure)
	e.notify(Event{Kind: Finished})
	return failure
}

// next waits for what happens next: a trial ends, or a person gives an order.
func (e *Experiment) next(ctx context.Context, results <-chan ended) error {
	over := ctx.Done()
	if len(e.inflight) > 0 { // whose lanes end by themselves
		over = nil
	}
	select {
	case <-over:
		return nil
	case end := <-results:
		return e.take(ctx, end)
	case order := <-e.Orders:
		return e.obey(order)
	case at := <-e.orders.until:
		return e.obey(Order{At: at, Do: Resume})
	}
}

// dispatch gives each free lane something to do, if there is anything.
func (e *Experiment) dispatch(ctx context.Context, results chan<- ended) {
	for i, lane := range e.Lanes {
		if _, busy := e.inflight[i+1]; busy || e.gone[i+1] {
			continue
		}
		trial, ok := e.decide(ctx, i+1)
		if !ok {
			continue
		}
		if learner, can := lane.(Learner); can && len(e.Lanes) > 1 {
			learner.Learn(e.history().periods())
		}
		e.inflight[i+1] = trial
		e.notify(Event{Kind: Began, Lane: i + 1, Trial: &trial})
		go func() {
			result, err := lane.Run(ctx, trial)
			results <- ended{i + 1, result, err}
		}()
	}
}

// decide chooses a lane's next trial. It returns at once when ctx ends, however long
// planning takes.
func (e *Experiment) decide(ctx context.Context, lane int) (trial Trial, ok bool) {
	plan := e.plan()
	decided := make(chan *Trial, 1)
	go func() {
		if status, _ := plan.hopeless(); status == Running {
			if next, asks := plan.next(lane); asks {
				decided <- &next
				return
			}
		}
		decided <- nil
	}()
	select {
	case next := <-decided:
		if next != nil {
			return *next, true
		}
	case <-ctx.Done():
	}
	return Trial{}, false
}

// take records what a lane hands back. A trial that could not be carried out
// ends the experiment, unless the experiment itself was told to end: then that is
// why. What kind of error it is does not matter. A lane's own time limit is an
// error like any other.
func (e *Experiment) take(ctx context.Context, end ended) error {
	trial := e.inflight[end.lane]
	delete(e.inflight, end.lane)
	switch {
	case end.err != nil && ctx.Err() != nil:
		return nil
	case end.err != nil && e.spares(end):
		return nil
	case end.err != nil:
		return fmt.Errorf("trial %d could not be carried out: %w", trial.Number, end.err)
	}
	end.result.Lane, end.result.Sitting = end.lane, e.number
	end.result.Skipped = end.result.Abandoned && e.orders.skipped[trial.Number]
	if err := e.Journal.Append(end.result); err != nil {
		return fmt.Errorf("recording trial %d: %w", end.result.Trial.Number, err)
	}
	e.Run.Results = append(e.Run.Results, end.result)
	e.notify(Event{Kind: Ended, Lane: end.lane, Trial: &end.result.Trial, Result: &end.result})
	e.abandonSettled()
	e.sayOut()
	return nil
}

// spares reports whether an error is that of a lane alone, which others can replace. Its trial is
// asked again then.
func (e *Experiment) spares(end ended) bool {
	if _, lost := errors.AsType[*LostError](end.err); !lost {
		return false
	}
	e.gone[end.lane] = true
	if len(e.plan().available()) == 0 {
		return false
	}
	e.out[end.lane] = true
	e.notify(Event{Kind: Left, Lane: end.lane, Why: end.err.Error()})
	return true
}

// sayOut says which lanes are asked nothing more since their devices do not work, or differ.
func (e *Experiment) sayOut() {
	plan := e.plan()
	if slices.ContainsFunc(plan.available(), func(lane int) bool { _, asks := plan.disputed(lane); return asks }) {
		return // it is not known yet which of them differs
	}
	for i := range e.Run.Settings.Replicas {
		if why := plan.out(i + 1); why != "" && !e.out[i+1] {
			e.out[i+1] = true
			e.notify(Event{Kind: Left, Lane: i + 1, Why: why})
		}
	}
}

// abandonSettled frees the lanes whose trials have nothing to tell any more.
// Controls, audits and the safe list are asked though their answer is implied.
func (e *Experiment) abandonSettled() {
	h := e.history()
	for lane, trial := range e.inflight {
		busy, can := e.Lanes[lane-1].(Abandoner)
		asks := slices.Contains([]string{search.Halve, search.Shrink, search.Prove, search.Count}, trial.Reason)
		if can && asks && h.settled(trial) {
			busy.Abandon()
		}
	}
}

// history is what the results so far say. It is derived once after each trial.
func (e *Experiment) history() history {
	if e.known.index == nil || len(e.known.facts) != len(e.Run.Results) {
		e.known = newHistory(e.Run)
	}
	return e.known
}

func (e *Experiment) plan() plan {
	plan := plan{history: e.history(), sitting: e.sitting, gone: e.gone}
	for _, lane := range slices.Sorted(maps.Keys(e.inflight)) {
		plan.inflight = append(plan.inflight, e.inflight[lane])
	}
	return plan
}

func (e *Experiment) outcome(ctx context.Context, failure error) (Status, string) {
	plan := e.plan()
	switch status, why := plan.hopeless(); {
	case failure != nil:
		return Interrupted, failure.Error()
	case ctx.Err() != nil:
		return Interrupted, ""
	case status != Running:
		return status, why
	}
	if plan.open() {
		if e.orders.stopped {
			return Interrupted, stopped
		}
		return OverBudget, plan.whySpent()
	}
	return Complete, ""
}

// notify tells of an event.
func (e *Experiment) notify(event Event) {
	if e.Notify == nil {
		return
	}
	event.At = time.Now()
	if event.Kind != Began { // what is known changes only when a trial ends
		e.progress = progressOf(e.history())
	}
	event.Progress = e.progress
	event.Progress.Elapsed = e.spent + time.Since(e.began)
	e.Notify(event)
}

// sittings counts the sittings that the results come from.
func (r Run) sittings() int {
	last := 0
	for _, result := range r.Results {
		last = max(last, result.Sitting)
	}
	return last
}

// controls counts the controls among the results.
func (r Run) controls() int {
	count := 0
	for _, result := range r.Results {
		if result.Trial.Control() {
			count++
		}
	}
	return count
}

// failures says which scenarios did not pass, and why.
func failures(result Result) string {
	var parts []string
	for name, outcome := range sorted(result.Outcomes) {
		if outcome.Answer != Pass {
			parts = append(parts, fmt.Sprintf("%s: %s", name, outcome.Why))
		}
	}
	if result.Suspect != "" {
		parts = append(parts, result.Suspect)
	}
	return strings.Join(parts, "; ")
}
