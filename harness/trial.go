package harness

import (
	"context"
	"time"
)

// Regime is the state of the device in which a scenario is judged.
type Regime string

const (
	Steady   Regime = "steady"    // running when the block begins
	ColdBoot Regime = "cold_boot" // power-cycled while blocked
)

// Trial is the request: block this set, in this way, and check every scenario, except for
// those of Unasked.
// One with nothing to block is a control.
type Trial struct {
	Number int           `json:"number"` // from 1, in the order they were asked for
	Block  []Destination `json:"block"`  // sorted; empty for a control
	Fault  Fault         `json:"fault"`
	Regime Regime        `json:"regime"`
	Reason string        `json:"reason"`         // a [Reason]'s name, which [Trial.Why] puts into words
	Hold   time.Duration `json:"hold,omitempty"` // how long the block is held at least while a scenario works; 0 as long as it takes to judge them

	// Awaited are those of Block that earlier trials missed: for how long each is waited for, from the block on, until the
	// device tries it.
	Awaited map[Destination]time.Duration `json:"awaited,omitempty"`

	// Provoke is what is done, once everything works under the block, to make the device contact what it contacts
	// seldom; "" leaves the device alone. A bench that cannot do that waits.
	Provoke Provoker `json:"provoke,omitempty"`

	// Unasked are the scenarios that are not checked: a person would have to be asked, for an
	// answer that is known or not needed yet.
	Unasked []string `json:"unasked,omitempty"`

	// StandIns are the destinations of Block that a stand-in answers for.
	StandIns map[Destination]StandIn `json:"stand_ins,omitempty"`

	// Ways are how the device is brought to some of these, all by the same. It is brought to
	// the others by redirection, or by their names if the fault blocks those.
	Ways map[Destination]Way `json:"ways,omitempty"`
}

// Control reports whether the trial blocks nothing.
func (t Trial) Control() bool { return len(t.Block) == 0 }

// Result is what came of a trial.
type Result struct {
	Trial     Trial              `json:"trial"`
	Lane      int                `json:"lane"`
	Sitting   int                `json:"sitting,omitempty"` // of the run, from 1: it grows each time that the run is resumed
	Started   time.Time          `json:"started"`
	Duration  time.Duration      `json:"duration"`            // from the block to the end of recovery
	Held      time.Duration      `json:"held"`                // how long the block was held
	Outcomes  map[string]Outcome `json:"outcomes"`            // by scenario name
	Seen      Observation        `json:"seen"`                // while the block was held
	Later     []Contact          `json:"later,omitempty"`     // from then on until the device had recovered: when it contacted what, and nothing else
	Restarted bool               `json:"restarted,omitempty"` // the device was started when the block began
	Provoked  *Provoked          `json:"provoked,omitempty"`  // what was done to make it contact what it contacts seldom; nil if nothing was
	Recovered bool               `json:"recovered"`           // everything worked again afterwards
	Abandoned bool               `json:"abandoned,omitempty"` // given up: other trials told its answer, or a person wanted that
	Skipped   bool               `json:"skipped,omitempty"`   // given up because a person wanted that
	Suspect   string             `json:"suspect,omitempty"`   // why the result must not be used, as "messages lost" or a machine that was too busy; "" when it may
}

// good reports whether a control shows that the device works: every scenario
// passed with nothing blocked.
func (r Result) good() bool { return r.Trial.Control() && r.Recovered && r.Suspect == "" }

// bad reports whether a control shows that the device does not work. One in which
// a scenario could not be judged, or the device was provoked, shows neither.
func (r Result) bad() bool {
	return r.Trial.Control() && r.Provoked == nil && !r.Recovered && r.Suspect == "" && r.answered(Fail)
}

// answered reports whether a scenario came to this answer.
func (r Result) answered(answer Answer) bool {
	for _, outcome := range r.Outcomes {
		if outcome.Answer == answer {
			return true
		}
	}
	return false
}

// Abandoner is a lane that can give up the trial it is carrying out, so that
// Run soon returns a result that is marked as abandoned.
type Abandoner interface {
	Abandon()
}

// Learner is a lane that can be told what the other lanes of a run have learnt.
type Learner interface {
	// Learn takes over how often destinations are contacted, as all lanes together know it.
	// It is called between two trials, with a map that nobody changes any more.
	Learn(periods map[Destination]time.Duration)
}

// Lane is one device behind one gateway. It takes a request and returns a
// result; nothing else crosses, so a lane may stand on another machine.
type Lane interface {
	Run(ctx context.Context, trial Trial) (Result, error)
}
