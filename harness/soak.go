package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Soak says how long a block is held, and how often everything is checked
// meanwhile.
type Soak struct {
	For   time.Duration // at least
	Every time.Duration // from the beginning of one round of checks to that of the next
	Tell  func(Round)   // of each round, called from one goroutine; may be nil
}

// Round is one check of each scenario during a soak.
type Round struct {
	Number   int                `json:"number"` // from 1
	After    time.Duration      `json:"after"`  // since the block
	Outcomes map[string]Outcome `json:"outcomes"`
}

// Soaked is what a soak came to.
type Soaked struct {
	Trial     Trial                `json:"trial"`
	Held      time.Duration        `json:"held"`
	Scenarios map[string]Endurance `json:"scenarios"`
	Seen      Observation          `json:"seen"`              // while the block was held
	Recovered bool                 `json:"recovered"`         // everything worked again afterwards
	Suspect   string               `json:"suspect,omitempty"` // why it proves nothing; "" when it does
}

// Works reports whether every scenario worked, under a block that held.
func (s Soaked) Works() bool {
	for _, endurance := range s.Scenarios {
		if endurance.Answer != Pass {
			return false
		}
	}
	return s.Suspect == "" && len(s.Scenarios) > 0
}

// enduring is the smallest share of a scenario's checks that must pass.
const enduring = 0.9

// Endurance is how one scenario did in a soak. One check that fails may be a
// stumble of the device. Two in a row are not, nor are more than a tenth of all.
type Endurance struct {
	Answer Answer        `json:"answer"`
	Why    string        `json:"why,omitempty"` // of the last failure, whatever the answer
	Checks int           `json:"checks"`        // that were judged; 0 where the scenario is judged over the whole time
	Passed int           `json:"passed"`
	Broke  time.Duration `json:"broke,omitempty"` // since the block: the first of two failures in a row

	doubt time.Duration // since the block: a failure that the next check has to confirm
}

// add takes one more check.
func (e *Endurance) add(after time.Duration, outcome Outcome) {
	if outcome.Answer == Inconclusive {
		e.Why = outcome.Why
		return
	}
	e.Checks++
	if outcome.Answer == Pass {
		e.Passed++
		e.doubt = 0
		return
	}
	e.Why = outcome.Why
	if e.doubt > 0 && e.Broke == 0 {
		e.Broke = e.doubt
	}
	e.doubt = after
}

// judge says what the checks came to.
func (e *Endurance) judge() {
	switch {
	case e.Checks == 0:
		e.Answer = Inconclusive
	case e.Broke > 0 || float64(e.Passed) < enduring*float64(e.Checks):
		e.Answer = Fail
	default:
		e.Answer = Pass
	}
}

// Soak blocks as the trial says, holds that for long, and checks everything again
// and again. It ends early when a scenario broke, or the block. The network is
// unblocked on every way out.
func (b *Bench) Soak(ctx context.Context, trial Trial, soak Soak) (soaked Soaked, err error) {
	soaked = Soaked{Trial: trial, Scenarios: map[string]Endurance{}}
	defer func() {
		if err != nil {
			b.unblock(ctx)
		}
	}()
	started := time.Now()
	if err := b.begin(ctx, trial); err != nil {
		return soaked, err
	}
	watched := b.watch(ctx, Trial{})
	last, err := b.rounds(ctx, soak, started, &soaked)
	maps.Copy(last, watched.conclude())
	if err != nil {
		return soaked, err
	}
	soaked.sum(last)
	soaked.Held = time.Since(started)
	if err := b.Gateway.Block(ctx, nil, trial.Fault); err != nil {
		return soaked, fmt.Errorf("unblocking after the soak: %w", err)
	}
	result := Result{Trial: trial, Outcomes: last}
	err = b.recover(ctx, &result)
	soaked.Recovered = result.Recovered
	return soaked, err
}

// rounds checks until the time is over and nothing is in doubt, and returns the
// last outcome of each scenario.
func (b *Bench) rounds(ctx context.Context, soak Soak, started time.Time, soaked *Soaked) (last map[string]Outcome, err error) {
	last = map[string]Outcome{}
	next := min(b.Timing.Settle, soak.For)
	asked := unwatched(b.Scenarios)
	for number := 1; ; number++ {
		b.tell(Step{Phase: Holding, Until: started.Add(next)})
		if err := span.Wait(ctx, time.Until(started.Add(next))); err != nil {
			return last, err
		}
		round := Round{Number: number, After: time.Since(started)}
		final := round.After >= soak.For
		due := soaked.due(asked, number == 1 || final)
		b.tell(Step{Phase: Checking, Scenarios: namesOf(due)})
		round.Outcomes = b.check(ctx, due)
		if soaked.Seen, err = b.observe(ctx, soaked.Trial); err != nil {
			return last, err
		}
		if soak.Tell != nil {
			soak.Tell(round)
		}
		maps.Copy(last, round.Outcomes)
		doubt := soaked.take(round)
		over := final && !doubt
		if over || soaked.Suspect != "" || soaked.broke() {
			return last, nil
		}
		next = max(next+soak.Every, time.Since(started)) // a round may take longer than that
		if round.After < soak.For {
			next = min(next, max(soak.For, time.Since(started)))
		}
	}
}

// due leaves out the scenarios that a person judges, unless everyone is asked or a failure
// has to be confirmed. A person is asked in the first round and in the last.
func (s *Soaked) due(asked []Scenario, everyone bool) []Scenario {
	return slices.DeleteFunc(slices.Clone(asked), func(scenario Scenario) bool {
		return scenario.Person && !everyone && s.Scenarios[scenario.Name].doubt == 0
	})
}

// take adds a round, and reports whether the next has to confirm a failure.
func (s *Soaked) take(round Round) (doubt bool) {
	if s.Seen.Broken != "" || brokenStandIn(s.Seen) != "" {
		s.Suspect = suspicion(s.Seen)
	}
	for name, outcome := range round.Outcomes {
		endurance := s.Scenarios[name]
		endurance.add(round.After, outcome)
		s.Scenarios[name] = endurance
		doubt = doubt || endurance.doubt > 0
	}
	return doubt
}

func (s *Soaked) broke() bool {
	for _, endurance := range s.Scenarios {
		if endurance.Broke > 0 {
			return true
		}
	}
	return false
}

// sum judges each scenario: by its checks, or as the watch over the whole time
// did.
func (s *Soaked) sum(last map[string]Outcome) {
	for name, outcome := range last {
		endurance, checked := s.Scenarios[name]
		if checked {
			endurance.judge()
		} else {
			endurance = Endurance{Answer: outcome.Answer, Why: outcome.Why}
		}
		s.Scenarios[name] = endurance
	}
}
