package scenarios

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
)

// fewest is how many checks it takes to judge a scenario by its ratio.
const fewest = 5

// watch is a scenario that is checked again and again.
type watch struct {
	check    func(ctx context.Context) harness.Outcome
	every    time.Duration
	atLeast  time.Duration
	passWhen condition
}

// watching prepares the watch of a spec.
func watching(spec Spec, check func(ctx context.Context) harness.Outcome) (watch, error) {
	setDefault(&spec.PassWhen, defaultPassWhen)
	setDefault(&spec.Every, defaultEvery)
	passWhen, err := compile(spec.PassWhen, "pass_when", passNames(), expr.AsBool())
	if err != nil {
		return watch{}, fmt.Errorf("scenario %s, pass_when: %w", spec.Name, err)
	}
	return watch{check, spec.Every, spec.For, passWhen}, nil
}

// sample is one check of many.
type sample struct {
	began   time.Time
	outcome harness.Outcome
}

// run checks until enough is closed, and not before the time is over that the
// spec asks for and [fewest] checks were made.
func (w watch) run(ctx context.Context, enough <-chan struct{}) harness.Outcome {
	started := time.Now()
	var samples []sample
	for {
		began := time.Now()
		outcome := w.check(ctx)
		if ctx.Err() != nil {
			return harness.Outcome{Answer: harness.Inconclusive, Why: "stopped before it was over"}
		}
		samples = append(samples, sample{began, outcome})
		over := len(samples) >= fewest && time.Since(started) >= w.atLeast
		if !w.goOn(ctx, began.Add(w.every), enough, over) {
			return w.judge(samples, time.Now())
		}
	}
}

// goOn waits until the next check, or tells that there shall be none: it is over
// and enough is closed.
func (w watch) goOn(ctx context.Context, next time.Time, enough <-chan struct{}, over bool) bool {
	if !over {
		enough = nil
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-enough:
		return false
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-enough:
		return false
	default:
		return true // an ended ctx shows in the next check
	}
}

// figures are what pass_when may name.
type figures struct{ harness.Figures }

// figure adds the checks up. A check stands for the time from its beginning to
// that of the next, so that slow failures do not count for less than fast ones.
func figure(samples []sample, end time.Time) (f figures) {
	var good, all time.Duration
	var took []time.Duration
	lastGood := samples[0].began
	for i, s := range samples {
		until := end
		if i+1 < len(samples) {
			until = samples[i+1].began
		}
		if s.outcome.Answer == harness.Inconclusive {
			continue
		}
		f.Checks++
		all += until.Sub(s.began)
		if s.outcome.Answer != harness.Pass {
			continue
		}
		good += until.Sub(s.began)
		f.Gap = max(f.Gap, s.began.Sub(lastGood))
		lastGood = s.began.Add(s.outcome.Duration)
		took = append(took, s.outcome.Duration)
	}
	f.Gap = max(f.Gap, end.Sub(lastGood))
	if all > 0 {
		f.Ratio = float64(good) / float64(all)
	}
	if len(took) > 0 {
		slices.Sort(took)
		f.P95 = took[int(math.Ceil(0.95*float64(len(took))))-1]
	}
	return f
}

func (f figures) values() map[string]any {
	p95 := milliseconds(f.P95)
	if f.Ratio == 0 {
		p95 = math.Inf(1)
	}
	return map[string]any{"ok_ratio": f.Ratio, "max_gap_s": f.Gap.Seconds(), "p95_ms": p95, "checks": f.Checks}
}

// String is for people.
func (f figures) String() string {
	return fmt.Sprintf("ok_ratio %.2f, max_gap_s %.1f, p95_ms %.0f, checks %d", f.Ratio, f.Gap.Seconds(), milliseconds(f.P95), f.Checks)
}

// judge holds all checks together against pass_when. Fewer than half of them
// judged is no basis.
func (w watch) judge(samples []sample, end time.Time) harness.Outcome {
	f := figure(samples, end)
	outcome := harness.Outcome{Answer: harness.Pass, Figures: &f.Figures}
	met, err := w.passWhen.met(f.values())
	switch {
	case 2*f.Checks < len(samples):
		outcome.Answer = harness.Inconclusive
		outcome.Why = fmt.Sprintf("%d of %d checks could not be judged: %s", len(samples)-f.Checks, len(samples), worst(samples).Why)
	case err != nil:
		outcome.Answer, outcome.Why = harness.Inconclusive, fmt.Sprintf("%s cannot be judged by %s: %v", f, w.passWhen.text, err)
	case !met:
		outcome.Answer = harness.Fail
		outcome.Why = fmt.Sprintf("%s, in %s", w.passWhen.unmet(f.values()), f)
		if why := worst(samples).Why; why != "" {
			outcome.Why += "; " + why
		}
	}
	summary := harness.StepOutcome{Step: fmt.Sprintf("a check every %s", span.Words(w.every)), Answer: outcome.Answer, Saw: f.String()}
	if outcome.Answer == harness.Fail {
		summary.Cause = harness.Unexpected
	}
	outcome.Steps = append([]harness.StepOutcome{summary}, worst(samples).Steps...)
	return outcome
}

// worst is the first check that failed, or else the first that was not judged,
// or else the last.
func worst(samples []sample) harness.Outcome {
	for _, answer := range []harness.Answer{harness.Fail, harness.Inconclusive} {
		for _, s := range samples {
			if s.outcome.Answer == answer {
				return s.outcome
			}
		}
	}
	return samples[len(samples)-1].outcome
}
