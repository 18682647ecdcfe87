package harness

import "time"

// Verdict is what is known of one destination for one column.
type Verdict string

const (
	Required     Verdict = "required"      // blocking it alone breaks the scenario
	Alternative  Verdict = "alternative"   // one of a group of which at least one is needed
	Optional     Verdict = "optional"      // in no cut: tried while blocked and passing, or contacted only while a cut is blocked
	Degraded     Verdict = "degraded"      // works without it, but worse
	NotExercised Verdict = "not-exercised" // never tried while blocked and passing: nothing is proved
	Undecided    Verdict = "undecided"
)

// Judgement is what a run's results prove.
type Judgement struct {
	Rows    []Row           `json:"rows"`    // in the order of [Destination.Compare]
	Columns []ColumnVerdict `json:"columns"` // in the order of [Run.Columns]
	Safe    []SafeList      `json:"safe"`    // one for each column, then one for all together

	// Outside is, with stand-ins, what is left to need for the columns of one regime and
	// fault, if a trial proved it.
	Outside []Outside `json:"outside,omitempty"`

	// Unverified are the destinations in whose place the device accepted a certificate that
	// it cannot know, sorted. That it accepts none is shown by nothing.
	Unverified []Unverified `json:"unverified,omitempty"`

	// Allow are, with a blocklist, the smallest sets of its names to allow so that every
	// scenario works. One empty set means that none has to be allowed; none, that it is
	// not known.
	Allow [][]string `json:"allow,omitempty"`

	// Replicas are, with several equal devices, what is known of each, in the order of the lanes.
	Replicas []ReplicaVerdict `json:"replicas,omitempty"`
}

// Row is a destination with what was learnt of it over the whole run.
type Row struct {
	Contact   Contact `json:"contact"`    // merged over all windows
	Clock     Clock   `json:"clock"`      // when it was contacted
	FirstSeen string  `json:"first_seen"` // "control", "trial 7" for a fallback that only blocking revealed, or "import" if only other data had it before
}

// ColumnVerdict is one column, judged.
type ColumnVerdict struct {
	Column    Column               `json:"column"`
	Certified string               `json:"certified"` // "exact", "order 2", "recheck" or "none"
	FalseFail float64              `json:"false_fail"`
	FalsePass float64              `json:"false_pass"`
	Cells     map[Destination]Cell `json:"cells"`
	Cuts      []Cut                `json:"cuts"`
	Unknown   []Unknown            `json:"unknown"`
}

// Cell is one verdict with its proof.
type Cell struct {
	Verdict   Verdict  `json:"verdict"`
	Cuts      []string `json:"cuts,omitempty"`       // ids of the cuts it belongs to
	OnlyWhile []string `json:"only_while,omitempty"` // ids of the cuts one of which is blocked whenever it is contacted: a fallback
	Why       string   `json:"why"`                  // one sentence that a person can check
	Trials    []int    `json:"trials"`               // the trials that the sentence rests on
	Attempts  int      `json:"attempts"`             // fresh attempts at the block, over those trials

	// Held is how long it was blocked in one trial: the longest that worked, or until the
	// scenario failed if it is in a cut. HeldAttempts are the attempts in that trial.
	Held         time.Duration `json:"held"`
	HeldAttempts int           `json:"held_attempts"`

	ExercisedBy []Provoker `json:"exercised_by,omitempty"` // in Trials, the device tried it only because of this; none if it tried it by itself, too

	// Replaceable are the stand-ins with which it works without this. None if that is not
	// known, or not so.
	Replaceable []StandIn `json:"replaceable,omitempty"`
	Ways        []Way     `json:"ways,omitempty"` // that were enough to bring the device there, the gentlest first

	Confidence float64 `json:"confidence"` // probability that the verdict is right, 0 to 1
}

// Cut is a minimal set whose blocking breaks the scenario.
type Cut struct {
	ID           string        `json:"id"` // "c1", unique in the judgement
	Destinations []Destination `json:"destinations"`
	Trials       []int         `json:"trials"` // trials that failed with exactly this set at work

	Replaceable []StandIn `json:"replaceable,omitempty"` // that answered while it was blocked, and all worked
	Ways        []Way     `json:"ways,omitempty"`        // that were enough to bring the device there, the gentlest first
}

// SafeList is a set that was blocked all at once with the columns still working.
type SafeList struct {
	Columns      []string      `json:"columns"`
	Destinations []Destination `json:"destinations"`
	Trial        int           `json:"trial"` // the passing trial; 0 when no single trial blocked all of it
	Held         time.Duration `json:"held"`  // for how long that trial blocked it
}

// Unknown says what stayed open, and why.
type Unknown struct {
	Why          string        `json:"why"`
	Destinations []Destination `json:"destinations"`
}
