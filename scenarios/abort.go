package scenarios

import (
	"fmt"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"

	"github.com/needwant/needwant/internal/yamlfile"
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

func (f File) checkAbort() *yamlfile.Flaw {
	if f.AbortIf == "" {
		return nil
	}
	_, err := compile(f.AbortIf, "abort_if", abortNames(), expr.AsBool())
	return conditionFlaw(keys("abort_if"), err)
}

// abortNames are what abort_if may name.
func abortNames() types.Map {
	return types.Map{"offline_s": types.Float64, "elapsed_s": types.Float64, "trials": types.Int}
}
