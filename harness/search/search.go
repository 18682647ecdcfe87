package search

// Answer is what one trial taught one column. The journal of a column is a
// list of answers in the order the trials ended.
type Answer struct {
	Trial     int  // number of the trial, for certificates; 1 or more
	Blocked   Set  // all that was blocked
	Touched   Set  // the part of Blocked that the device ran into; callers that cannot tell pass Blocked
	Attempted Set  // the part of Blocked that the device freshly tried to reach
	Passed    bool // the scenario worked
	Again     bool // asked on another device only to compare: it does not choose among safe lists of one size
	Weak      bool // a failure on which no cut may rest unless another trial failed, too
}

// Options choose how far a search goes and how much it trusts an answer. The
// zero value asks for order 2 and trusts every answer.
type Options struct {
	Exact        bool      // prove the whole formula; otherwise stop at Order
	Order        int       // 1 or more; 0 stands for 2
	MaxNoise     float64   // above 0: answers may be wrong, so each verdict is confirmed by repeats
	FalseFail    float64   // share of trials failing for no reason, see [LearnFalseFail]; floored at 0.05
	FalsePass    float64   // share of trials passing for no reason; 0 stands for a tenth of FalseFail
	Careful      bool      // confirm each verdict to odds of 3000 : 1 instead of 650 : 1
	Confirm      int       // failing answers that each cut needs, each of a trial of its own; 0 stands for 1
	Blame        bool      // about one destination, or one group of alternatives, is expected to matter
	Audits       int       // sets inside the safe list tried before certifying; 0 for none
	Services     []int     // the kind of each destination, indexed by destination; audited one kind at a time
	Kin          []int     // what is likely to be in one group of alternatives, as Services; without it that is the service
	Seed         uint64    // of the audits
	Untold       []Set     // blocked in trials whose answers are not in the journal: not audited again
	Windows      []Window  // what was contacted when, in the order of the trials; without it no [Fallback] is found, and what appears is no hint
	Hold         []float64 // how long a trial is held for each destination, in any unit; without it, all alike
	Quick        bool      // plan by the rules alone, in well under a millisecond
	Transversals int       // most ways around the known cuts that exact search lists; 0 stands for 4096

	// FalseFails are the shares of false failures of each column in [NextOfAll]; nil if
	// FalseFail is that of all of them.
	FalseFails []float64

	// Likely are the cuts of other columns, which this one probably has, too. They only
	// save trials.
	Likely []Set

	// Known are the hypotheses that [NextOfAll] tests instead of searching, one for each
	// column; nil for a column that is searched. [Explain] takes that of its column.
	Known []*Hypothesis

	// Whole asks for everything that the options want proved once the hypotheses are tested,
	// and lets nothing rest on them.
	Whole bool

	// Earlier explains the columns that other trials decided; nil if there are none.
	Earlier func() []Explanation
}

// Question is the set to block in the next trial.
type Question struct {
	Block  Set
	Reason string  // a few words for people, as "halve the suspects"
	Fails  float64 // the chance that the scenario fails, as the planner expects it
	Needed float64 // the chance that it is still a question when what is in flight has ended
	Last   bool    // if it passes, the search is over, and this is the safe list
}

// Reasons that a [Question] gives.
const (
	Everything = "everything"
	Halve      = "halve the suspects"
	Shrink     = "shrink a failing set"
	Prove      = "prove the alternatives"
	Count      = "count how many are needed"
	Confirm    = "confirm"
	Again      = "ask a contradiction again"
	SeeAgain   = "see it again"
	Audit      = "audit"
	SafeList   = "safe list"
	KnownCut   = "test a known cut again"
	KnownSafe  = "test the known safe list again"
)

// Next chooses the next trial of one column. knowledge is its journal, order
// its destinations with likely group-mates side by side, inflight the sets
// being tried on other lanes at this moment.
//
// It reports false when there is nothing useful to ask now: with nothing in
// flight, the search is done. The same arguments always give the same answer.
func Next(knowledge []Answer, order []int, inflight []Set, options Options) (Question, bool) {
	tiers := Tiers(order, options)
	for _, tier := range tiers[:len(tiers)-1] {
		plain := options
		plain.Audits = 0
		if q, ok := next(Within(knowledge, tier), tier, inflight, plain); ok {
			return q, true
		}
	}
	return next(knowledge, order, inflight, options)
}

// next is the next trial within a tier.
func next(knowledge []Answer, order []int, inflight []Set, options Options) (Question, bool) {
	q, ok := speculate(knowledge, order, inflight, options)
	if ok && options.weighs(q) && len(Tiers(order, options)) == 1 {
		return learn(knowledge, order, options).weigh(q, inflight), true
	}
	return q, ok
}

// weighs reports whether a better question is looked for.
func (o Options) weighs(q Question) bool {
	looks := q.Reason == Halve || q.Reason == Shrink || q.Reason == Count || q.Reason == Prove && o.Exact
	return looks && !o.Quick && !o.Blame && o.MaxNoise == 0
}

// Bound is a number of trials that the search of one column stays below if its
// answers are right, given the journal so far. It grows with the destinations and
// with the ways around the cuts, each of which an exact proof has to try.
func Bound(knowledge []Answer, order []int, options Options) int {
	bound := 20 + (3+max(1, options.Confirm))*len(order)
	if options.Exact {
		t := learn(knowledge, order, options)
		ways, _ := transversals(t.cuts, t.Transversals)
		bound += len(ways)
	}
	return bound
}
