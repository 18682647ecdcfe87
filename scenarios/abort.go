package scenarios

import (
	"fmt"
	"time"

	"github.com/expr-lang/expr"
)

// Abort makes abort_if into a function of how long the device has been away, how
// long the run has lasted and how many trials were made. It is nil where the file
// has none.
func (f File) Abort() (due func(offline, elapsed time.Duration, trials int) (bool, error), err error) {
	if f.AbortIf == "" {
		return nil, nil
	}
	condition, err := compile(f.AbortIf, "abort_if", abortNames(), expr.AsBool())
	if err != nil {
		return nil, fmt.Errorf("abort_if: %w", err)
	}
	return func(offline, elapsed time.Duration, trials int) (bool, error) {
		return condition.met(map[string]any{"offline_s": offline.Seconds(), "elapsed_s": elapsed.Seconds(), "trials": trials})
	}, nil
}
