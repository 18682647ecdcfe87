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
		{search.Shrink, search.Shrink, "leaves out what the failure may not need"},
		{search.Count, search.Count, "tests whether several of a group are needed"},
		{search.Prove, search.Prove, "tests whether anything else is needed"},
		{search.Audit, "audit", "blocks a part of what can be blocked, as a test"},
		{search.Confirm, "confirm an answer", "tests that an answer was not chance"},
		{search.Again, search.Again, "repeats one of two answers that disagree"},
		{search.SeeAgain, "see a fallback again", "blocks a cut again: is its fallback contacted again?"},
		{provokeReason, "provoke contacts", "takes the device's link down and up"},
		{triedLastReason, "tried just before", "blocks what was tried just before a late failure"},
		{overdueReason, "wait for rare contacts", "waits for what was not tried so far"},
		{compareReason, "compare replicas", "asks an equal device the same"},
		{search.SafeList, "safe list", "all that can be blocked is blocked at once"},
		{horizonReason, "hold the safe list", "the same for longer, checked on the way"},
		{standInReason, "stand-in", "a server at home answers for a needed group"},
		{standInsReason, "all stand-ins", "blocks all that such servers allow to block"},
		{standInWayReason, "gentler stand-in", "leads the device to it by name or by DHCP"},
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
