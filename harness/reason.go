package harness

import "github.com/needwant/needwant/harness/search"

// controlReason is that of a trial which blocks nothing.
const controlReason = "control"

// Reason is why a trial is made.
type Reason struct {
	Name  string // in a run file
	Words string // what people are shown
	Means string // what such a trial does, in a line of a help text
}

// Reasons lists every reason of a run's trials, in the order in which a reader meets them.
func Reasons() []Reason {
	return []Reason{
		{controlReason, "control", "blocks nothing: everything must work then"},
		{search.Everything, "everything", "blocks all destinations"},
		{search.Halve, search.Halve, "looks for destinations that are needed"},
		{search.Shrink, search.Shrink, "leaves out destinations that the failure may not depend on"},
		{search.Count, search.Count, "tests whether several of a group are needed"},
		{search.Prove, search.Prove, "tests whether anything else is needed"},
		{search.Audit, "audit", "blocks only some of the destinations that the device works without: everything must work then, too"},
		{search.Confirm, "confirm an answer", "tests that an answer was not chance"},
		{search.Again, search.Again, "repeats a trial that contradicts another one"},
		{search.SeeAgain, "see a fallback again", "blocks a cut again, to see whether the device uses its fallback again"},
		{provokeReason, "provoke contacts", "tests whether a new lease, a new link or a restart makes the device contact what it contacts seldom"},
		{triedLastReason, "tried just before", "blocks only what the device tried for the first time just before a scenario failed, long after the block began"},
		{overdueReason, "wait for rare contacts", "waits until the device tries a destination that it contacts seldom"},
		{compareReason, "compare replicas", "repeats a trial on another device of the same kind"},
		{search.SafeList, "safe list", "blocks everything that can be blocked without breaking anything, all at once"},
		{horizonReason, "hold the safe list", "blocks the safe list for longer, and checks again and again"},
		{standInReason, "stand-in", "blocks needed destinations, while a service of the gateway answers instead"},
		{standInsReason, "all stand-ins", "blocks everything that is optional or has a stand-in, all at once"},
		{standInWayReason, "gentler stand-in", "uses DNS or DHCP, not a redirect, to lead the device to a stand-in"},
		{search.KnownCut, "known cut again", "tests that what failed in an earlier run still fails"},
		{search.KnownSafe, "known safe list again", "tests that what worked in an earlier run still works"},
	}
}

// Why says for people why the trial is made. A reason that this version does not know is shown
// as it is.
func (t Trial) Why() string {
	for _, reason := range Reasons() {
		if reason.Name == t.Reason {
			return reason.Words
		}
	}
	return t.Reason
}
