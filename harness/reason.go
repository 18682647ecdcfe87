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
		{controlReason, "control", "nothing is blocked: everything must work"},
		{search.Everything, "everything", "all destinations are blocked"},
		{search.Halve, search.Halve, "looks for destinations that are needed"},
		{search.Shrink, search.Shrink, "leaves out destinations that the failure may not depend on"},
		{search.Count, search.Count, "tests whether several of a group are needed"},
		{search.Prove, search.Prove, "tests whether anything else is needed"},
		{search.Audit, "audit", "blocks a part of what can be blocked, as a test"},
		{search.Confirm, "confirm an answer", "tests that an answer was not chance"},
		{search.Again, search.Again, "repeats one of two answers that disagree"},
		{search.SeeAgain, "see a fallback again", "blocks a cut again, to see whether the device uses its fallback again"},
		{provokeReason, "provoke contacts", "takes the device's link down and up"},
		{triedLastReason, "tried just before", "blocks what was tried just before a late failure"},
		{overdueReason, "wait for rare contacts", "waits until the device tries a destination that it contacts seldom"},
		{compareReason, "compare replicas", "repeats a trial on another device of the same kind"},
		{search.SafeList, "safe list", "all that can be blocked is blocked at once"},
		{horizonReason, "hold the safe list", "the same for longer, checked on the way"},
		{standInReason, "stand-in", "a server at home answers for a needed group"},
		{standInsReason, "all stand-ins", "everything optional, or answered by a stand-in, is blocked at once"},
		{standInWayReason, "gentler stand-in", "uses DNS or DHCP, not a redirect, to lead the device to a stand-in"},
		{search.KnownCut, "known cut again", "tests what failed in an earlier run"},
		{search.KnownSafe, "known safe list again", "tests what worked in an earlier run"},
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
