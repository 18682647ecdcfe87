package harness

import (
	"context"
	"slices"
	"time"
)

// looksAtFailure is how often a scenario that failed is checked again within Persist, at most.
const looksAtFailure = 4

// persist checks those of some scenarios that failed again, until they pass or the failure has
// lasted for Persist. One that passes again has worked, after a transient failure. A person is asked once
// more, at the end.
// worked is when each was last seen to work in this trial before.
func (b *Bench) persist(ctx context.Context, result *Result, asked []Scenario, worked map[string]time.Duration) (err error) {
	failed := time.Now()
	for last := b.Timing.Persist <= 0; !last; {
		failing := slices.DeleteFunc(slices.Clone(asked), func(s Scenario) bool { return result.Outcomes[s.Name].Answer != Fail })
		if len(failing) == 0 {
			return nil
		}
		again := withoutPerson(failing)
		var took time.Duration // by the slowest of the checks that failed
		for _, scenario := range again {
			took = max(took, result.Outcomes[scenario.Name].Duration)
		}
		// The last check begins when the time is over. One that would not end before
		// that is left out.
		wait, left := b.Timing.Persist/looksAtFailure, time.Until(failed.Add(b.Timing.Persist))
		if last = len(again) == 0 || wait+took >= left; last {
			wait, again = left, failing
		}
		b.tell(Step{Phase: Persisting, Until: failed.Add(b.Timing.Persist), Scenarios: namesOf(failing)})
		if result.Abandoned, err = b.pause(ctx, wait); err != nil || result.Abandoned {
			return err
		}
		for name, outcome := range b.check(ctx, again) {
			switch {
			case outcome.Answer == Pass:
				transient := &Transient{Before: worked[name], Failed: failed.Sub(result.Started), Worked: time.Since(result.Started)}
				outcome.Transient = result.Outcomes[name].Transient.worse(transient)
				result.Outcomes[name] = outcome
			case last: // it still fails, or cannot be judged any more
				result.Outcomes[name] = outcome
			}
		}
	}
	return ctx.Err()
}
