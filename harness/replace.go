package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// The reasons of trials with stand-ins: one cut, and at last everything that is optional
// or replaceable at once.
const (
	standInReason  = "stand-in"
	standInsReason = "all-stand-ins"
)

// replacement is what trials with stand-ins say of one cut of a column: it is the same set
// that failed without them.
type replacement struct {
	trials []int     // that passed, with a stand-in that was used
	kinds  []StandIn // that were used in them, sorted
	fails  int
	asked  int
}

// wanted is how many trials must pass until a cut counts as replaceable.
func (h history) wanted() int {
	wanted := max(1, h.run.Settings.Confirm)
	if h.run.Settings.MaxNoise > 0 {
		wanted = max(wanted, 2)
	}
	return wanted
}

// replaceable reports whether the column works without a cut if a stand-in answers.
func (h history) replaceable(r replacement) bool {
	return r.fails == 0 && len(r.trials) >= h.wanted()
}

// settledBy reports whether no more trials are asked for.
func (h history) settledBy(r replacement) bool {
	return r.fails > 0 || len(r.trials) >= h.wanted() || r.asked > h.wanted()
}

// stoodFor are the facts of trials that blocked exactly a set with stand-ins.
func (h history) stoodFor(block search.Set, regime Regime, fault Fault) (facts []fact) {
	for _, f := range h.facts {
		if len(f.Trial.StandIns) > 0 && f.Trial.Regime == regime && f.Trial.Fault == fault && f.whole.Equal(block) {
			facts = append(facts, f)
		}
	}
	return facts
}

// replacement is what is known of one cut of a column. A trial in which no stand-in
// answered says nothing in their favour.
func (h history) replacement(column Column, cut search.Set) (r replacement) {
	onset := h.lateFailure(column)
	for _, f := range h.stoodFor(cut, column.Regime, column.Fault) {
		r.asked++
		answer, used := f.Outcomes[column.Scenario.Name].Answer, h.usedFor(cut, f)
		switch {
		case !f.usable:
		case answer == Fail:
			r.fails++
		case answer == Pass && len(used) > 0 && f.Held >= onset:
			r.trials = append(r.trials, f.Trial.Number)
			r.kinds = append(r.kinds, used...)
		}
	}
	slices.Sort(r.kinds)
	r.kinds = slices.Compact(r.kinds)
	return r
}

// usedFor are the stand-ins that answered instead of members of a set.
func (h history) usedFor(set search.Set, f fact) (used []StandIn) {
	for _, stood := range f.Seen.StoodIn {
		if i, known := h.index[stood.Destination]; known && set.Has(i) && stood.Answers > 0 {
			used = append(used, stood.Kind)
		}
	}
	return used
}

// group is what is known of the columns that share a regime and a fault.
type group struct {
	columns   []Column
	explained []search.Explanation
}

// groups are those whose faults leave addresses to answer from, if the run has stand-ins.
func (h history) groups() (groups []group) {
	if len(h.run.Settings.StandIns) == 0 || h.run.Settings.ByName || h.run.Settings.First {
		return nil
	}
	for _, regime := range h.run.Settings.Regimes {
		for _, fault := range h.run.Settings.Faults {
			if fault.ByName() {
				continue
			}
			g := group{columns: h.columns(regime, fault)}
			for _, column := range g.columns {
				g.explained = append(g.explained, h.explain(column))
			}
			groups = append(groups, g)
		}
	}
	return groups
}

// outside is what can be blocked at once with stand-ins: everything but what no stand-in
// can replace, and what is not decided.
func (h history) outside(g group) (block, replaced search.Set) {
	var kept search.Set
	for i, explained := range g.explained {
		kept = kept.Union(explained.Undecided)
		for _, cut := range explained.Cuts {
			if h.replaceable(h.replacement(g.columns[i], cut.Members)) {
				replaced = replaced.Union(cut.Members)
			} else {
				kept = kept.Union(cut.Members)
			}
		}
	}
	all := make([]int, len(h.universe))
	for i := range all {
		all[i] = i
	}
	block = search.Of(all...).Minus(kept).Union(search.JointSafe(g.explained...))
	return block, replaced.Intersect(block)
}

// standInTrial asks, when nothing else is left to ask, for each cut with stand-ins, and
// then for all of them at once. It waits for trials under way that may change what is
// known.
func (p plan) standInTrial() (Trial, bool) {
	if slices.ContainsFunc(p.inflight, func(t Trial) bool { return len(t.StandIns) == 0 }) {
		return Trial{}, false
	}
	for _, g := range p.groups() {
		for i, explained := range g.explained {
			for _, cut := range explained.Cuts {
				if p.settledBy(p.replacement(g.columns[i], cut.Members)) {
					continue
				}
				if trial, ok := p.withStandIns(g, cut.Members, cut.Members, standInReason, 0); ok {
					return trial, true
				}
			}
		}
	}
	if len(p.inflight) > 0 {
		return Trial{}, false
	}
	for _, g := range p.groups() {
		block, replaced := p.outside(g)
		tried := len(p.stoodFor(block, g.columns[0].Regime, g.columns[0].Fault))
		if _, _, proved := p.provedOutside(g); replaced.IsEmpty() || proved || tried > p.wanted() {
			continue
		}
		if trial, ok := p.withStandIns(g, block, replaced, standInsReason, p.horizon()); ok {
			return trial, true
		}
	}
	return Trial{}, false
}

// withStandIns is a trial that blocks a set, with stand-ins for a part of it; ok is false
// if there are none, or if it is under way.
func (p plan) withStandIns(g group, block, replaced search.Set, reason string, hold time.Duration) (trial Trial, ok bool) {
	regime, fault := g.columns[0].Regime, g.columns[0].Fault
	trial = Trial{
		Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: regime, Reason: reason,
		Hold: max(hold, p.hold(regime, fault)), StandIns: StandInsFor(p.destinations(replaced), p.run.Settings.StandIns),
	}
	under := slices.ContainsFunc(p.inflight, func(t Trial) bool { return t.asks() == trial.asks() })
	return trial, len(trial.StandIns) > 0 && !under
}

// provedOutside finds the trial that blocked all that can be blocked with stand-ins, with
// every column working, and with a stand-in used for each cut that has one.
func (h history) provedOutside(g group) (f fact, kinds []StandIn, proved bool) {
	block, replaced := h.outside(g)
	if replaced.IsEmpty() {
		return fact{}, nil, false
	}
	facts := h.stoodFor(block, g.columns[0].Regime, g.columns[0].Fault)
	for _, f := range slices.Backward(facts) {
		if f.usable && h.worked(f, g, block) {
			kinds := h.usedFor(replaced, f)
			slices.Sort(kinds)
			return f, slices.Compact(kinds), true
		}
	}
	return fact{}, nil, false
}

func (h history) worked(f fact, g group, block search.Set) bool {
	for i, column := range g.columns {
		if !f.passed(column) || f.Held < h.lateFailure(column) {
			return false
		}
		for _, cut := range g.explained[i].Cuts {
			if cut.Members.SubsetOf(block) && len(h.usedFor(cut.Members, f)) == 0 {
				return false
			}
		}
	}
	return true
}

// Outside is what the device still needs from outside if its owner has what stood in for
// the rest.
type Outside struct {
	Columns  []string      `json:"columns"`
	Left     []Destination `json:"left"`      // that were not blocked; none if nothing is needed
	StandIns []StandIn     `json:"stand_ins"` // that were used, sorted
	Trial    int           `json:"trial"`     // that blocked all others at once, with the columns working
	Held     time.Duration `json:"held"`      // for how long
}

// replace notes which cuts can be replaced, and what is left.
func (j *judge) replace() (outside []Outside) {
	groups := j.groups()
	if len(groups) == 0 {
		return nil
	}
	for i := range j.columns {
		if !j.columns[i].Column.Fault.ByName() {
			j.replaceIn(&j.columns[i], j.explanations[i])
		}
	}
	for _, g := range groups {
		f, kinds, proved := j.provedOutside(g)
		if !proved {
			continue
		}
		block, _ := j.outside(g)
		o := Outside{Left: []Destination{}, StandIns: kinds, Trial: f.Trial.Number, Held: f.Held}
		for _, column := range g.columns {
			o.Columns = append(o.Columns, column.ID)
		}
		for _, i := range j.order {
			if !block.Has(i) {
				o.Left = append(o.Left, j.universe[i])
			}
		}
		outside = append(outside, o)
	}
	return outside
}

// replaceIn marks the cuts of a column, and the cells all of whose cuts are replaceable.
func (j *judge) replaceIn(column *ColumnVerdict, explained search.Explanation) {
	by := map[string]replacement{}
	for n, cut := range explained.Cuts {
		if r := j.replacement(column.Column, cut.Members); j.replaceable(r) {
			column.Cuts[n].Replaceable = r.kinds
			by[column.Cuts[n].ID] = r
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(column.Cells), Destination.Compare) {
		cell := column.Cells[d]
		var all replacement
		for _, cut := range cell.Cuts {
			r, ok := by[cut]
			if !ok {
				all = replacement{}
				break
			}
			all.kinds, all.trials = append(all.kinds, r.kinds...), append(all.trials, r.trials...)
		}
		if len(all.kinds) == 0 {
			continue
		}
		slices.Sort(all.kinds)
		cell.Replaceable = slices.Compact(all.kinds)
		cell.Why += whyReplaceable(cell.Replaceable, merged(all.trials))
		column.Cells[d] = cell
	}
}

// whyReplaceable says what answered, and in which trials it worked.
func whyReplaceable(kinds []StandIn, trials []int) string {
	var own []string
	for _, kind := range kinds {
		own = append(own, strings.TrimPrefix(kind.Own(), "your own "))
	}
	return fmt.Sprintf(" Blocked all the same, with a %s of the gateway's own that answered, it worked in %s.", strings.Join(own, " and a "), numbers(trials))
}
