package scenarios

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// script is a scenario's steps, ready to be made in order.
type script struct {
	retry Retry
	pace  *pace
	turns *turns
	claim claim
	steps []ready
}

// progress is how far one check has come.
type progress struct {
	saved map[string]any
	idle  time.Duration // spent waiting for the turn at a host on the internet
}

// ready is a step that can be made.
type ready struct {
	deed deed
	compiled
	timeout time.Duration
	always  bool
	host    string // who it asks; "" where nobody
}

// grace is how long a step that puts things back may take after the check was
// stopped.
const grace = 3 * time.Second

// check makes the steps up to the first that does not pass, and after that only
// those that are always made. The first that did not pass decides. The duration
// leaves out the time that other checks made this one wait.
func (s script) check(ctx context.Context) harness.Outcome {
	end, err := s.turns.take(ctx, s.claim)
	if err != nil {
		return harness.Outcome{Answer: harness.Inconclusive, Why: "stopped before its turn came"}
	}
	defer end()
	started := time.Now()
	outcome := harness.Outcome{Answer: harness.Pass}
	progress := progress{saved: map[string]any{}}
	for _, step := range s.steps {
		if outcome.Answer != harness.Pass && !step.always {
			continue
		}
		made, why := s.insist(ctx, step, &progress)
		outcome.Steps = append(outcome.Steps, made)
		if made.Answer != harness.Pass && outcome.Answer == harness.Pass {
			outcome.Answer = made.Answer
			outcome.Why = made.Step + ": " + why
		}
	}
	outcome.Duration = time.Since(started) - progress.idle
	return outcome
}

// insist makes a step until it passes, the attempts are used up or ctx ends. A
// step that ctx cut short is inconclusive.
func (s script) insist(ctx context.Context, step ready, progress *progress) (harness.StepOutcome, string) {
	if step.always && ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
	}
	for attempt := 1; ; attempt++ {
		began := time.Now()
		_ = s.pace.wait(ctx, step.host) // an ended ctx shows in the step
		progress.idle += time.Since(began)
		made, why := step.make(ctx, progress)
		if made.Answer != harness.Pass && ctx.Err() != nil {
			made.Answer, made.Cause, why = harness.Inconclusive, harness.Unable, "stopped before it was over"
		}
		if made.Answer == harness.Pass || step.deed.final || attempt >= s.retry.Attempts || !pauseUntil(ctx, began.Add(s.retry.Every)) {
			return made, why
		}
	}
}

// pauseUntil reports whether the time came before ctx ended.
func pauseUntil(ctx context.Context, next time.Time) bool {
	return span.Wait(ctx, time.Until(next)) == nil
}

// make makes the step once and says why it did not pass.
func (r ready) make(ctx context.Context, progress *progress) (_ harness.StepOutcome, why string) {
	if !r.deed.timed {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	seen, err := r.deed.run(ctx)
	progress.idle += seen.idle
	if ctx.Err() != nil && seen.result == nil {
		seen.late = true
	}
	seen.saw = shorten(r.deed.conceal(seen.saw))
	answer, why := r.judge(seen, err, progress.saved)
	why = shortenTo(r.deed.conceal(why), longestReason)
	saw := seen.saw
	if saw == "" {
		saw = shorten(why)
	}
	return harness.StepOutcome{Step: r.deed.name, Answer: answer, Cause: cause(answer, seen), Saw: saw}, why
}

// cause sorts what did not pass.
func cause(answer harness.Answer, seen sight) harness.Cause {
	switch {
	case answer == harness.Pass:
		return ""
	case seen.late:
		return harness.TimedOut
	case answer == harness.Inconclusive:
		return harness.Unable
	}
	return harness.Unexpected
}

// judge holds what was seen against the expectation, and keeps what is to be
// saved of a step that passes.
func (r ready) judge(seen sight, err error, saved map[string]any) (_ harness.Answer, why string) {
	if err != nil {
		return harness.Inconclusive, "could not be carried out: " + err.Error()
	}
	if seen.result == nil {
		return harness.Fail, seen.failure
	}
	values := meanings(seen.result, saved)
	met, err := r.expect.met(values)
	switch {
	case !met && r.hopes(seen, values):
		return harness.Inconclusive, fmt.Sprintf("expected %s, which cannot be judged: %s; the answer was %s", r.expect.text, seen.whyUnseen, seen.saw)
	case err != nil:
		return harness.Fail, fmt.Sprintf("expected %s, got the answer %s, to which that does not apply: %v", r.expect.text, seen.saw, err)
	case !met:
		return harness.Fail, fmt.Sprintf("%s, in the answer %s", r.expect.unmet(values), seen.saw)
	}
	for name, expression := range r.save {
		value, err := expression.value(values)
		if err != nil {
			return harness.Fail, fmt.Sprintf("expected %s to save, got the answer %s, which does not have it: %v", expression.text, seen.saw, err)
		}
		saved[name] = value
	}
	return harness.Pass, ""
}

// hopes reports whether the expectation would be met if what cannot be seen were
// as it may hope.
func (r ready) hopes(seen sight, values map[string]any) bool {
	if len(seen.unseen) == 0 {
		return false
	}
	hoped := maps.Clone(values)
	maps.Copy(hoped, seen.unseen)
	met, err := r.expect.met(hoped)
	return err == nil && met
}
