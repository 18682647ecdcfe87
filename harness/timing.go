package harness

import "time"

// Timing says how long the parts of a trial last.
type Timing struct {
	// Settle is how long a block must stand before the scenarios are judged,
	// and again after a blocked destination was tried for the first time.
	Settle time.Duration

	// Tries is how often the device shall have tried a blocked destination before the
	// scenarios are judged, if it contacts it at least once in Settle. The time that this
	// takes is added to Settle, once more Settle at most. 0 and 1 add none.
	Tries int

	// Patience is how long to wait for a blocked destination to be tried.
	Patience time.Duration

	// Longest is the longest wait, from the block on, for a blocked destination that the
	// device contacts seldom, or was seen to contact only once. 0 waits for none of these
	// for longer than Patience.
	Longest time.Duration

	// Memory is how long a device may go on by an answer that it got before its
	// name was blocked, or its resolver. Settle begins again after that, and so
	// does Patience for a name.
	Memory time.Duration

	// Persist is how long a failure must last before it counts: a scenario that
	// failed is checked again until then, while the block stands. 0 takes one
	// failing check for an answer.
	Persist time.Duration

	// Recover is the longest wait, after a trial, until all works again.
	Recover time.Duration

	// Look is the shortest pause between two looks at the gateway.
	Look time.Duration
}
