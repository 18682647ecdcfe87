package harness

import (
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// safeList is the largest set that is safe for some columns together.
type safeList struct {
	set     search.Set
	columns []Column
	hold    time.Duration // for how long it shall be held
}

// toHorizon asks for a safe list that was not held to the horizon yet, when nothing else is left to ask.
// ok is false if each was held for so long, or does not come to an answer.
func (p plan) toHorizon() (trial Trial, ok bool) {
	if p.run.Settings.First || len(p.inflight) > 0 {
		return Trial{}, false
	}
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			if lists := p.short(regime, fault); len(lists) > 0 {
				return p.holding(lists[0], regime, fault), true
			}
		}
	}
	return Trial{}, false
}

// last is a trial of the joint safe list, held to the horizon, or one that comes before it: the safe list of a single column,
// if that was not held to the horizon yet. ok is false while these are asked.
func (p plan) last(trial Trial, joint search.Set, asked []Trial) (next Trial, ok bool) {
	trial.Hold = max(trial.Hold, p.horizon())
	trials := []Trial{trial}
	if lists := p.shortAlone(trial.Regime, trial.Fault, joint); len(lists) > 0 {
		trials = nil
		for _, list := range lists {
			trials = append(trials, p.holding(list, trial.Regime, trial.Fault))
		}
	}
	i := slices.IndexFunc(trials, func(t Trial) bool {
		return !slices.ContainsFunc(asked, func(a Trial) bool { return a.asks() == t.asks() })
	})
	if i < 0 {
		return Trial{}, false
	}
	return trials[i], true
}

// holding is the trial that holds a list to the horizon.
func (p plan) holding(list safeList, regime Regime, fault Fault) Trial {
	trial := Trial{Number: p.number(), Block: p.destinations(list.set), Fault: fault, Regime: regime, Reason: horizonReason, Hold: list.hold}
	if len(list.columns) < len(p.columns(regime, fault)) {
		trial.Unasked = p.unasked(trial, list.columns)
	}
	return trial
}

// short are the safe lists of one regime and fault that were not held to the horizon yet. That of all columns together is
// the last.
func (h history) short(regime Regime, fault Fault) (lists []safeList) {
	columns := h.columns(regime, fault)
	joint := safeList{search.JointSafe(h.explanations(columns)...), columns, h.horizon()}
	lists = h.shortAlone(regime, fault, joint.set)
	if joint.hold > 0 && !joint.set.IsEmpty() && !h.heldTo(joint) {
		lists = append(lists, joint)
	}
	return lists
}

// shortAlone are the sets that a single column works without, that were not held to the horizon yet, and are not part of the
// joint safe list: its own one, since it may need late what others need in any case, and what its cuts rest on if the device
// did not try that. A matrix that is tested again rests on the earlier run there.
func (h history) shortAlone(regime Regime, fault Fault, joint search.Set) (lists []safeList) {
	if h.run.Settings.Known != nil {
		return nil
	}
	horizon := h.horizon()
	for _, column := range h.columns(regime, fault) {
		explanation := h.explain(column)
		var wanted []safeList
		for _, set := range h.unseen(explanation, column) {
			wanted = append(wanted, safeList{set, []Column{column}, max(horizon, h.untilTried(set, regime))})
		}
		if horizon > 0 {
			wanted = append(wanted, safeList{search.JointSafe(explanation), []Column{column}, horizon})
		}
		for _, alone := range wanted {
			if covered := alone.hold <= horizon && alone.set.SubsetOf(joint); !covered && !h.heldTo(alone) {
				lists = append(lists, alone)
			}
		}
	}
	return lists
}

// A cut of several members rests on trials that worked with all but one of them blocked. If the device did not try all
// of these, there are two reasons. It contacts some only while all the others are blocked: these are spares, and
// the cut is one. Or it contacts some seldom, and would have failed later. So these sets are held to the horizon, too, and at least until the device should have tried them.

// spareSeen is in how many trials a spare must have been contacted.
const spareSeen = 2

// unseen are the cuts of a column without one member, if no trial worked in which the device tried all of that, spares
// left out.
func (h history) unseen(explanation search.Explanation, column Column) (sets []search.Set) {
	heard := h.heard(column)
	for _, cut := range explanation.Cuts {
		for _, x := range cut.Members.Members() {
			part := cut.Members.Without(x)
			worked := func(f fact) bool {
				untried := part.Minus(f.attempted)
				return f.passed(column) && part.SubsetOf(f.whole) && !slices.ContainsFunc(untried.Members(), func(i int) bool { return !h.spare(i, cut.Members, heard) })
			}
			if !part.IsEmpty() && !slices.ContainsFunc(heard, worked) {
				sets = append(sets, part)
			}
		}
	}
	return sets
}

// untilTried is for how long a set is blocked so that the device tries all of it: twice as long as it took in another trial,
// and no longer than a block may be held.
func (h history) untilTried(set search.Set, regime Regime) (hold time.Duration) {
	hold = unhurried * h.run.Settings.Settle
	for _, i := range set.Members() {
		hold = max(hold, 2*h.took[rowIn{i, regime}])
	}
	if most := max(h.run.Settings.Longest, h.run.Settings.Horizon); most > 0 {
		hold = min(hold, most)
	}
	return hold
}

// spare reports whether the device contacted a member of a cut soon, whenever all the others were blocked, and
// not when a lane began.
func (h history) spare(i int, cut search.Set, heard []fact) bool {
	soon, times := unhurried*h.run.Settings.Settle, 0
	begun := map[bench]bool{}
	for _, f := range heard {
		if !begun[f.bench()] && f.Trial.Control() && f.contacted.Has(i) {
			return false
		}
		begun[f.bench()] = true
		if !cut.Without(i).SubsetOf(f.whole) {
			continue
		}
		switch after, contacted := h.firstContacts(f)[i]; {
		case contacted && after <= soon:
			times++
		case contacted || f.Held >= soon:
			return false
		}
	}
	return times >= spareSeen
}

func (h history) explanations(columns []Column) (explained []search.Explanation) {
	for _, column := range columns {
		explained = append(explained, h.explain(column))
	}
	return explained
}

// heldTo reports whether a list was held for long enough with its columns working, or
// so often without an answer that it is not asked again. A horizon that nobody chose is a period, which
// the very hold may have shown to be a little longer than it was known to be.
func (h history) heldTo(list safeList) bool {
	tries, horizon := 0, list.hold
	if h.run.Settings.Horizon == 0 {
		horizon -= horizon / 16
	}
	for _, f := range h.facts {
		if f.Trial.Control() || !list.columns[0].hears(f.Trial) || !list.set.SubsetOf(f.whole) {
			continue
		}
		if f.usable && f.Held >= horizon && !slices.ContainsFunc(list.columns, func(c Column) bool { return !f.passed(c) }) {
			return true
		}
		if f.Trial.Reason == horizonReason && list.set.Equal(f.whole) {
			tries++
		}
	}
	return tries >= horizonTries
}
