package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// MostLeft is how many trials are looked ahead: [Progress].Left stands for that many or more then.
const MostLeft = 60

// The look ahead is also bounded for devices with very many destinations.
const (
	mostAhead = 30_000 // trials, times destinations
	mostWays  = 256    // around the cuts that are known
)

// ahead is what is still to come of a run, as far as can be told.
type ahead struct {
	trials int
	waits  time.Duration // in these trials, until the device contacts what it contacts seldom
	last   time.Duration // in the last holds, each of which is on one lane
}

// left estimates how many trials are still to come, and how long they are held for what the device
// contacts seldom, or for a failure that comes late: the search is played on, on paper, with the
// answer to each of its questions that is known already, or else with the likelier one.
func (h history) left() (total ahead) {
	for _, regime := range h.run.Settings.Regimes {
		for _, fault := range h.run.Settings.Faults {
			part := h.playOn(regime, fault)
			total.trials += part.trials
			total.waits += part.waits
			total.last += part.last
		}
	}
	if total.trials > 0 {
		return total
	}
	if trial, more := (plan{history: h}).standInTrial(); more { // others may follow it
		total.trials, total.last = 1, total.last+trial.Hold
		if h.offersTime(trial) {
			total.last += 2 * h.renewal() // before the block, and before its end
		}
	}
	return total
}

// offersTime reports whether a trial with stand-ins offers the time by DHCP, or is followed by
// the first that does.
func (h history) offersTime(trial Trial) bool {
	if trial.OffersTime() {
		return true
	}
	for d, kind := range trial.StandIns {
		if kind == TimeServer && len(trial.Ways) == 0 && !trial.Fault.ByName() && len(h.waysBy(WayOption, search.Set{}, search.Of(h.index[d]))) > 0 {
			return len(h.gently(trial.Regime, trial.Fault, WayOption)) == 0
		}
	}
	return false
}

// renewal is the longest that the device takes to renew its lease; 0 if it is not known.
func (h history) renewal() (longest time.Duration) {
	for _, f := range h.facts {
		longest = max(longest, f.Seen.Renewal)
	}
	return longest
}

func (h history) playOn(regime Regime, fault Fault) (left ahead) {
	turns := h.inTurn(regime, fault)
	journals := h.journalsOf(turns)
	var windows []search.Window
	var waited search.Set
	idle, horizon := h.waitedOnce(), h.horizon()
	more := true
	for most := min(MostLeft, 1+mostAhead/max(1, len(h.order))); left.trials < most; left.trials++ {
		var question search.Question
		if question, _, more = h.nextOf(turns, journals, nil, func(options *search.Options) {
			options.Windows = append(options.Windows, windows...)
			options.Transversals, options.Quick = mostWays, true
		}); !more {
			break
		}
		number := len(h.run.Results) + left.trials + 1
		windows = append(windows, search.Window{Trial: number, Reason: question.Reason, Blocked: question.Block})
		slow := question.Block.Minus(idle)
		hold := h.hold(regime, fault)
		if by := h.provoker(regime, question.Block, hold); !question.Last && by != "" {
			provoked, _ := h.provokedBy(by)
			slow = slow.Minus(provoked)
		}
		for _, wait := range h.awaited(question.Block, regime) {
			hold = max(hold, wait)
		}
		hold = max(h.seldom(slow), hold)
		works := 1.0 // the chance of it
		for _, journals := range journals {
			for i, journal := range journals {
				chance := 1 - question.Fails
				if passed, known := implied(journal, question.Block); known && passed {
					chance = 1
				} else if known {
					chance = 0
				}
				works = min(works, chance)
				journals[i] = append(slices.Clip(journal), search.Answer{
					Trial: number, Blocked: question.Block, Touched: question.Block, Attempted: question.Block, Passed: likely(chance, hold),
				})
			}
		}
		passes := likely(works, hold)
		if question.Last { // it is held to the horizon, which is counted below
			hold = max(0, hold-horizon)
		}
		left.waits += time.Duration(works * float64(hold)) // a trial that fails is over sooner
		if passes {
			waited, idle = waited.Union(question.Block), idle.Union(h.once(question.Block))
		}
	}
	trials, last := h.lastHolds(regime, fault, waited, left.trials)
	if left.trials, left.last = left.trials+trials, last; more {
		left.trials = MostLeft
	}
	return left
}

// likely reports whether a trial of this length is taken to pass. Of two answers that are about as
// likely it is the one that takes longer: the other would make too little of the time.
func likely(passes float64, hold time.Duration) bool {
	if hold > 0 {
		return passes > 0.4
	}
	return passes > 0.5
}

// lastHolds are the trials that come when the search has nothing left to ask, and how long they are
// held. waited is what will have been waited for by then, in so many trials. The last of these
// is the safe list, which is held to the horizon: that is no trial more.
func (h history) lastHolds(regime Regime, fault Fault, waited search.Set, asked int) (trials int, last time.Duration) {
	if h.run.Settings.First {
		return 0, 0
	}
	if again, hold := h.overdue(regime, fault); !again.SubsetOf(waited) {
		trials, last = 1, hold
	}
	horizon := h.horizon()
	lists := len(h.short(regime, fault))
	if asked > 0 {
		lists = max(1, lists)
		return trials + lists - 1, last + time.Duration(lists)*horizon
	}
	return trials + lists, last + time.Duration(lists)*horizon
}

// implied is the answer that blocking a set must have by what a journal says.
func implied(journal []search.Answer, set search.Set) (passed, known bool) {
	for _, answer := range journal {
		if answer.Passed && set.SubsetOf(answer.Blocked) {
			return true, true
		}
		if !answer.Passed && answer.Touched.SubsetOf(set) {
			return false, true
		}
	}
	return false, false
}

// UsualTrial is how long a trial is taken to last as long as there was none: its block stands
// until the device has tried what is blocked, and for as long again.
func (s Settings) UsualTrial() time.Duration { return 2 * s.Settle }

// remaining estimates how long that takes. Each trial takes as long as those so far, with the
// controls between them, without what they waited for: that is counted apart. What every
// sitting begins with is left out, since the first control may be a long observation.
func (h history) remaining(left ahead) time.Duration {
	var spent time.Duration
	asked, opened := 0, map[bench]bool{}
	usual := unhurried * h.run.Settings.Settle
	for _, f := range h.facts {
		blocks := !f.Trial.Control()
		opened[f.bench()] = opened[f.bench()] || blocks
		if opened[f.bench()] {
			spent += f.Duration
		}
		if blocks && (f.Trial.Hold > 0 || h.seldom(f.whole) > 0) {
			spent -= max(0, f.Held-usual)
		}
		if blocks && !f.Abandoned {
			asked++
		}
	}
	if asked == 0 {
		spent, asked = h.run.Settings.UsualTrial(), 1
	}
	lanes := time.Duration(max(1, h.run.Settings.Lanes))
	return spent*time.Duration(left.trials)/(time.Duration(asked)*lanes) + left.waits/lanes + left.last
}
