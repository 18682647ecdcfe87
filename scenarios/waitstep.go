package scenarios

import (
	"context"
	"fmt"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Wait does nothing for a while.
type Wait struct {
	For time.Duration `yaml:"for" about:"How long to wait, for example 5s."`
}

// WaitResult is what an expectation on [Wait] may name.
type WaitResult struct {
	Waited float64 `expr:"waited_s" about:"How many seconds the wait took."`
}

func waitKind() Kind {
	return Kind{
		Name:    "wait",
		About:   "Does nothing for a while.",
		Fails:   "If the wait is cut short, the check is inconclusive.",
		Example: "{wait: 5s}",
		Short:   "for",
		New:     func() Action { return new(Wait) },
		Result:  WaitResult{},
		Expect:  "true",
	}
}

func (w *Wait) check() *ArgumentError {
	if w.For <= 0 || w.For > time.Hour {
		return wrong("for", "the wait is "+span.Typed(w.For), "write a time up to 1h, for example 5s")
	}
	return nil
}

func (w *Wait) least() time.Duration { return w.For }

func (w *Wait) prepare(_ *Engine, _ time.Duration) (deed, error) {
	return deed{kind: waitKind(), name: "wait " + span.Words(w.For), run: w.wait}, nil
}

func (w *Wait) wait(ctx context.Context) (sight, error) {
	started := time.Now()
	if !pauseUntil(ctx, started.Add(w.For)) {
		return sight{late: true}, fmt.Errorf("stopped after %s", span.Words(time.Since(started).Round(time.Millisecond)))
	}
	return sight{result: WaitResult{time.Since(started).Seconds()}, saw: "waited"}, nil
}
