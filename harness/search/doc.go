// Package search chooses which destinations to block next, and says what the
// answers so far prove.
//
// A device with n destinations has a function that works or fails. A trial
// blocks a set of the destinations and sees which. Trials are slow, minutes on
// a real device, and 2ⁿ sets could be blocked; the package asks for as few as
// it can, and gives a verdict only with the trials that prove it.
//
// # The model
//
// Blocking more never repairs a function. So it has minimal failing sets, its
// cuts, and fails exactly when the blocked set contains one of them. A cut of
// one member is a destination that is required. A cut of several is a group of
// alternatives, of which at least one is needed. A destination in no cut is
// optional. Dual to the cuts are the maximal sets that can be blocked all at
// once, of which the largest is the safe list.
//
//	needs: cloud && (ntp1 || ntp2)
//	cuts:  {cloud} {ntp1 ntp2}
//	safe:  everything but cloud and one of ntp1, ntp2
//
// Whether the model fits is checked, not assumed: audits try parts of the safe
// list by themselves, and a [Contradiction] makes the column undecided.
//
// # Use
//
// The journal of a column is a list of [Answer] values in the order in which
// trials ended. [Next] takes the journal and gives a [Question]; its answer is
// appended; and so on until there is no question left. [Explain] takes the
// journal, at any time, and gives an [Explanation] with its certificates.
// Nothing is remembered in between: both are pure functions of the journal, and
// so resuming an interrupted search is calling them with the journal so far.
//
// Destinations are indexes, and sets of them are [Set] values. The order in
// which the caller lists the destinations carries a hint, since likely
// alternatives side by side save trials; it changes no verdict.
//
// Several functions of a device share their trials through [NextOfAll] and
// [JointSafe]. Several devices work on one function when [Next] is told what is
// in flight on the others; [Question].Needed then says how likely it is that the
// question will still be one when those have ended.
//
// # What is known
//
// A pass teaches all that was blocked. A failure teaches only what the device
// ran into, for the same device with just that blocked would have failed the
// same way. From both follow two lists without redundancy, the maximal sets
// known to pass and the minimal ones known to fail, and what they imply is
// never asked. See theory.go.
//
// # The planner
//
// The rules stand in the order in which they are asked. See plan.go and
// prove.go.
//
//  1. Nothing is known: block everything. A device that needs nothing is
//     explained by that one trial.
//  2. Some destinations are suspects, neither known to fail alone nor part of a
//     passing set: try a chunk of them on top of the safe list. The chunk is as
//     large as makes the answer an even bet. A chunk that passes joins the safe
//     list, one that fails is halved.
//  3. Some failing set may hold a smaller one: leave out as many members as
//     make it an even bet whether it still fails. When the set works without x,
//     for every x in it, it is a cut. Where two cuts differ in one member only,
//     several of a group may be needed, such as two of four: the rest of such
//     a family is asked for at once, see several.go.
//  4. All is explained, so try to refute it: block a largest set that contains
//     no known cut. If it fails, an unknown cut is in it. If every such set
//     passes, the formula is proven exact. Order t stops earlier, when any
//     unknown cut would have to hold more than t of the known alternatives.
//  5. Audit. This comes before the last question of rule 4, which then ends the search.
//
// The rules decide when a search is done. Which set a question of rules 2 to 4 blocks is
// chosen with more care if up to 64 destinations are not required: the planner draws 400
// worlds, each a list of needs that explains every answer so far. A need is a cut, or some
// of a group. Each world is drawn as often as it is likely. It then asks for the set whose
// answer tells most of these worlds apart; a set that would be one of the proofs in the end
// counts for somewhat more. A further lane asks for what the trials in flight will not tell.
// What the device contacts only while others are blocked is expected to be an alternative of
// these, if [Options].Windows say so: see newcomer.go.
// This takes some milliseconds. With [Options].Quick, with Blame and where answers may be wrong, the
// rules choose alone. See need.go, prior.go, worlds.go, draft.go and weigh.go.
//
// # Destinations that are contacted rarely
//
// A trial that passes is held until the device has tried all that was blocked. With
// [Options].Hold the search decides the fast destinations first, tier by tier, and
// blocks the whole of each new tier on top of what is safe. [NextOfAll] audits each tier by
// itself before that, so that the last proof is the safe list. See tiers.go.
//
// # Answers that may be wrong
//
// With [Options].MaxNoise above 0 an answer is evidence. The answers for each
// set give a log-likelihood ratio, and the sets are believed in the order of
// its size unless they contradict what is believed already. What a wrong answer
// would spoil most is confirmed first: a failing set before it is shrunk, what a
// cut rests on, and in the end each cut, and what is in no cut as a whole. What
// contradicts the result is asked again until it gives way, or until it stands
// beyond doubt and shows that the device is not monotone. See noise.go and contradiction.go.
//
// With MaxNoise 0 every answer is final and no question is asked twice.
package search
