package harness

import (
	"context"
	"time"
)

// Answer is the result of one check.
type Answer string

const (
	Pass         Answer = "pass"
	Fail         Answer = "fail"
	Inconclusive Answer = "inconclusive" // could not be judged; teaches nothing
)

// Outcome is what one check of a scenario came to.
type Outcome struct {
	Answer    Answer        `json:"answer"`
	Why       string        `json:"why,omitempty"` // one sentence, for a failure or an inconclusive check
	Duration  time.Duration `json:"duration"`
	Steps     []StepOutcome `json:"steps,omitempty"`
	Transient *Transient    `json:"outage,omitempty"`  // of a scenario that failed, and worked again under the same block
	Broke     *Broke        `json:"broke,omitempty"`   // of a scenario that failed; nil if it was watched once
	Figures   *Figures      `json:"figures,omitempty"` // of a scenario that was watched; nil where it was checked once
}

// Transient is a failure that passed by itself. Its times count from the beginning of
// the trial.
type Transient struct {
	Before time.Duration `json:"before,omitempty"` // the last check before it that passed; 0 if none did
	Failed time.Duration `json:"failed"`           // the first check that failed
	Worked time.Duration `json:"worked"`           // the first check after it that passed
}

// lasted is how long the failure was at most; 0 if there was none.
func (t *Transient) lasted() time.Duration {
	if t == nil {
		return 0
	}
	return t.Worked - t.Before
}

// worse is one of two: one that began with the block, or else the longer one.
func (t *Transient) worse(other *Transient) *Transient {
	switch {
	case t == nil:
		return other
	case other == nil || t.Before == 0 || t.lasted() >= other.lasted():
		return t
	}
	return other
}

// Broke is a failure in a block that may have been held on for other scenarios.
type Broke struct {
	After   time.Duration `json:"after"`            // since the beginning of the trial
	Worked  time.Duration `json:"worked,omitempty"` // the last check in the trial that passed, since the same moment; 0 if none did
	Touched []Destination `json:"touched"`          // what the device had run into at the block by then
}

// Figures are what the many checks of a watched scenario came to.
type Figures struct {
	Ratio  float64       `json:"ok_ratio"` // of the time, that which checks that passed stand for: 0 to 1
	Gap    time.Duration `json:"max_gap"`  // the longest without a check that passed
	P95    time.Duration `json:"p95"`      // of the checks that passed; 0 where none did
	Checks int           `json:"checks"`   // that could be judged
}

// StepOutcome is what one step of a check saw.
type StepOutcome struct {
	Step   string `json:"step"` // as "miio get_status"
	Answer Answer `json:"answer"`
	Cause  Cause  `json:"cause,omitempty"` // why it did not pass; "" when it did
	Saw    string `json:"saw"`             // what came back, shortened, without secrets
}

// Cause sorts the steps that did not pass.
type Cause string

const (
	Unexpected Cause = "unexpected" // something came back, or a refusal, and not what was expected
	TimedOut   Cause = "timeout"    // nothing came back in time
	Unable     Cause = "unable"     // the step could not be carried out
)

// Scenario is one thing the device's owner cares about.
type Scenario struct {
	Name    string // the column's id, as "native_app"
	Title   string // the column's head, as "Required for Native App?"
	Vantage string // from where it is judged: "gateway", "lan" or "host"

	// Check runs the scenario once. It must return soon after ctx ends. Checks run
	// side by side: one that must not waits for its turn, and leaves that time out
	// of the duration that it returns.
	Check func(ctx context.Context) Outcome

	// Person reports whether a person answers: then it is not checked again and again only
	// because a block is held for long, or because a failure lasts.
	Person bool

	// Watch, where it is set, judges the scenario over the whole trial, and Check
	// only whether the device has recovered. It begins with the block and returns
	// soon after enough is closed, or later when it needs more time.
	Watch func(ctx context.Context, enough <-chan struct{}) Outcome
}
