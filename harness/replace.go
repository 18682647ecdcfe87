package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// The reasons of trials with stand-ins: one cut, or everything that is optional or
// replaceable at once.
const (
	standInReason  = "stand-in"
	standInsReason = "all-stand-ins"
)

// mostTriedCuts limits the cuts of a column that are tried one by one. Any two of twelve
// servers are 12 cuts; any six are 792.
const mostTriedCuts = 12

// voidTries is how often a trial with stand-ins is asked that may not be used each time.
const voidTries = 4

// replacement is what trials with stand-ins say of one cut of a column, which failed
// without them.
type replacement struct {
	trials []int     // that blocked at least the cut and passed, with a stand-in for it that was used
	kinds  []StandIn // that were used in them, sorted
	fails  int       // trials that blocked just the cut
	told   int       // the same, whatever they told
	void   int       // the same that may not be used
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
	return r.fails > 0 || len(r.trials) >= h.wanted() || r.told > h.wanted() || r.void >= voidTries
}

// standing are the facts of trials with stand-ins in one regime, with one fault, in which
// the device was brought to all of them by redirection, or by names that the fault blocks.
func (h history) standing(regime Regime, fault Fault) (facts []fact) {
	for _, f := range h.facts {
		if len(f.Trial.StandIns) > 0 && len(f.Trial.Ways) == 0 && f.Trial.Regime == regime && f.Trial.Fault == fault {
			facts = append(facts, f)
		}
	}
	return facts
}

// replacement is what is known of one cut of a column. A trial in which no stand-in
// answered says nothing in their favour, and one that blocked more and failed says nothing
// against them: something else may be the reason.
func (h history) replacement(column Column, cut search.Set) (r replacement) {
	onset := h.lateFailure(column)
	for _, f := range h.standing(column.Regime, column.Fault) {
		if !cut.SubsetOf(f.whole) {
			continue
		}
		alone := f.whole.Equal(cut)
		switch {
		case alone && f.usable:
			r.told++
		case alone:
			r.void++
		}
		answer, used := f.Outcomes[column.Scenario.Name].Answer, h.usedFor(cut, f)
		switch {
		case !f.usable:
		case answer == Fail && alone:
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

// groups are all columns by regime and fault, if the run has stand-ins.
func (h history) groups() (groups []group) {
	if len(h.run.Settings.StandIns) == 0 || h.run.Settings.ByName || h.run.Settings.First {
		return nil
	}
	for _, regime := range h.run.Settings.Regimes {
		for _, fault := range h.run.Settings.Faults {
			g := group{columns: h.columns(regime, fault)}
			for _, column := range g.columns {
				g.explained = append(g.explained, h.explain(column))
			}
			groups = append(groups, g)
		}
	}
	return groups
}

// outside is what can be blocked at once with stand-ins: everything but what none of them
// can replace, and what is not decided. Hopeful counts each cut as replaceable that has a
// stand-in and was not seen to fail with it.
func (h history) outside(g group, hopeful bool) (block, replaced search.Set) {
	var kept search.Set
	for i, explained := range g.explained {
		kept = kept.Union(explained.Undecided)
		for _, cut := range explained.Cuts {
			r := h.replacement(g.columns[i], cut.Members)
			if h.replaceable(r) || hopeful && r.fails == 0 && h.hasStandIn(cut.Members) {
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

func (h history) hasStandIn(set search.Set) bool {
	return len(StandInsFor(h.destinations(set), h.sound())) > 0
}

// broken says of stand-ins why they prove nothing in this run: a trial found them broken.
func (h history) broken() map[StandIn]string {
	why := map[StandIn]string{}
	for _, f := range h.facts {
		for _, stood := range f.Seen.StoodIn {
			if stood.Doubt != "" {
				why[stood.Kind] = stood.Doubt
			}
		}
	}
	return why
}

// sound are the stand-ins of the run that no trial found broken. The others are not tried again.
func (h history) sound() []StandIn {
	broken := h.broken()
	return slices.DeleteFunc(slices.Clone(h.run.Settings.StandIns), func(kind StandIn) bool { return broken[kind] != "" })
}

// standInTrial asks, when nothing else is left to ask, for everything at once with its
// stand-ins. If that does not work, it asks for each cut by itself, and then once more for
// all that can be replaced. At last it asks whether gentler ways are enough. It waits for
// trials under way that may change what is known.
func (p plan) standInTrial() (Trial, bool) {
	if slices.ContainsFunc(p.inflight, func(t Trial) bool { return len(t.StandIns) == 0 }) {
		return Trial{}, false
	}
	for _, g := range p.groups() {
		if trial, ok := p.allStandIns(g, true); ok && !p.oneByOne(g) {
			return trial, len(p.inflight) == 0
		}
		if trial, ok := p.oneCut(g); ok {
			return trial, true
		}
		if len(p.inflight) > 0 {
			return Trial{}, false
		}
		if trial, ok := p.allStandIns(g, false); ok {
			return trial, true
		}
		if trial, ok := p.gentler(g); ok {
			return trial, true
		}
	}
	return Trial{}, false
}

// oneByOne reports whether cuts are tried one by one already.
func (p plan) oneByOne(g group) bool {
	one := func(t Trial) bool {
		return t.Reason == standInReason && t.Regime == g.columns[0].Regime && t.Fault == g.columns[0].Fault
	}
	return slices.ContainsFunc(p.inflight, one) || slices.ContainsFunc(p.run.Results, func(r Result) bool { return one(r.Trial) })
}

// oneCut asks for a cut that has a stand-in, and of which it is not known whether that does.
func (p plan) oneCut(g group) (Trial, bool) {
	for i, explained := range g.explained {
		for n, cut := range explained.Cuts {
			if n >= mostTriedCuts {
				break
			}
			if cut.Members.Intersects(p.kept) {
				continue
			}
			trial, ok := p.withStandIns(g, cut.Members, cut.Members, standInReason, 0)
			under := slices.ContainsFunc(p.inflight, func(t Trial) bool { return t.asks() == trial.asks() })
			if ok && !under && !p.settledBy(p.replacement(g.columns[i], cut.Members)) {
				return trial, true
			}
		}
	}
	return Trial{}, false
}

// allStandIns asks for everything at once, unless that has failed, or is known to work.
func (p plan) allStandIns(g group, hopeful bool) (Trial, bool) {
	block, replaced := p.outside(g, hopeful)
	block, replaced = block.Minus(p.kept), replaced.Minus(p.kept)
	told, void, passed, horizon := 0, 0, 0, p.horizon()
	for _, f := range p.standing(g.columns[0].Regime, g.columns[0].Fault) {
		if !f.whole.Equal(block) {
			continue
		}
		told++
		switch {
		case !f.usable:
			told, void = told-1, void+1
		case slices.ContainsFunc(g.columns, func(c Column) bool { return f.Outcomes[c.Scenario.Name].Answer == Fail }):
			return Trial{}, false
		case p.worked(f, g, block):
			passed++
			horizon = 0 // once is enough
		}
	}
	if passed >= p.wanted() || told > p.wanted() || void >= voidTries {
		return Trial{}, false
	}
	return p.withStandIns(g, block, replaced, standInsReason, horizon)
}

// withStandIns is a trial that blocks a set, with stand-ins for a part of it; ok is false
// if there are none.
func (p plan) withStandIns(g group, block, replaced search.Set, reason string, hold time.Duration) (trial Trial, ok bool) {
	regime, fault := g.columns[0].Regime, g.columns[0].Fault
	trial = Trial{
		Number: p.number(), Block: p.destinations(block), Fault: fault, Regime: regime, Reason: reason,
		Hold: max(hold, p.hold(regime, fault)), StandIns: StandInsFor(p.destinations(replaced), p.sound()),
	}
	return trial, len(trial.StandIns) > 0
}

// provedOutside finds the trial that blocked all that can be blocked with stand-ins, with
// every column working, and with a stand-in used for each cut that has one. What a person
// ordered to keep reachable may have been blocked in it or not.
func (h history) provedOutside(g group) (f fact, kinds []StandIn, proved bool) {
	all, replaced := h.outside(g, false)
	facts := h.standing(g.columns[0].Regime, g.columns[0].Fault)
	for _, block := range []search.Set{all, all.Minus(h.kept)} {
		if !replaced.Intersects(block) {
			continue
		}
		for _, f := range slices.Backward(facts) {
			if f.whole.Equal(block) && f.usable && h.worked(f, g, block) {
				kinds := h.usedFor(replaced, f)
				slices.Sort(kinds)
				return f, slices.Compact(kinds), true
			}
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

// Unverified is a destination whose certificate the device does not verify: it completed a
// handshake with a server of the gateway's own, and then sent something.
type Unverified struct {
	Destination Destination `json:"destination"`
	Trials      []int       `json:"trials"` // in which it did
}

// unverified are those of all trials, whatever came of the trial.
func (h history) unverified() (all []Unverified) {
	trials := map[Destination][]int{}
	for _, f := range h.facts {
		for _, stood := range f.Seen.StoodIn {
			if stood.Kind == ForeignTLS && stood.Answers > 0 {
				trials[stood.Destination] = append(trials[stood.Destination], f.Trial.Number)
			}
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(trials), Destination.Compare) {
		all = append(all, Unverified{d, trials[d]})
	}
	return all
}

// Outside is what the device still needs from outside if its owner has what stood in for
// the rest.
type Outside struct {
	Columns  []string      `json:"columns"`
	Left     []Destination `json:"left"`      // that were not blocked; none if nothing is needed
	Replaced []Replaced    `json:"replaced"`  // that were blocked, with a stand-in for each
	StandIns []StandIn     `json:"stand_ins"` // that were used, sorted
	Trial    int           `json:"trial"`     // that blocked all others at once, with the columns working
	Held     time.Duration `json:"held"`      // for how long
}

// Replaced is a destination that something at home can stand in for.
type Replaced struct {
	Destination Destination `json:"destination"`
	StandIn     StandIn     `json:"stand_in"`
}

// replace notes which cuts can be replaced, and what is left.
func (j *judge) replace() (outside []Outside) {
	groups := j.groups()
	if len(groups) == 0 {
		return nil
	}
	for i := range j.columns {
		j.replaceIn(&j.columns[i], j.explanations[i])
	}
	for _, g := range groups {
		f, kinds, proved := j.provedOutside(g)
		if !proved {
			continue
		}
		_, replaced := j.outside(g, false)
		o := Outside{Left: []Destination{}, StandIns: kinds, Trial: f.Trial.Number, Held: f.Held}
		for _, column := range g.columns {
			o.Columns = append(o.Columns, column.ID)
		}
		for _, i := range j.order {
			d := j.universe[i]
			switch kind := f.Trial.StandIns[d]; {
			case !f.whole.Has(i):
				o.Left = append(o.Left, d)
			case replaced.Has(i) && slices.Contains(kinds, kind):
				o.Replaced = append(o.Replaced, Replaced{d, kind})
			}
		}
		outside = append(outside, o)
	}
	return outside
}

// replaceIn marks the cuts of a column, and the cells all of whose cuts are replaceable.
func (j *judge) replaceIn(column *ColumnVerdict, explained search.Explanation) {
	by, ways := map[string]replacement{}, map[string][]wayProof{}
	for n, cut := range explained.Cuts {
		if r := j.replacement(column.Column, cut.Members); j.replaceable(r) {
			enough := j.enough(column.Column, cut.Members)
			column.Cuts[n].Replaceable, column.Cuts[n].Ways = r.kinds, waysOf(enough)
			by[column.Cuts[n].ID], ways[column.Cuts[n].ID] = r, enough
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(column.Cells), Destination.Compare) {
		cell := column.Cells[d]
		var all replacement
		var enough []wayProof
		for i, cut := range cell.Cuts {
			r, ok := by[cut]
			if !ok {
				all = replacement{}
				break
			}
			if enough = common(enough, ways[cut]); i == 0 {
				enough = ways[cut]
			}
			all.kinds, all.trials = append(all.kinds, r.kinds...), append(all.trials, r.trials...)
		}
		if len(all.kinds) == 0 {
			cell.Why += j.whyUntried(d, len(cell.Cuts) > 0)
			column.Cells[d] = cell
			continue
		}
		slices.Sort(all.kinds)
		cell.Replaceable = slices.Compact(all.kinds)
		cell.Ways = waysOf(enough)
		cell.Why += whyReplaceable(cell.Replaceable, merged(all.trials)) + whyWay(enough)
		column.Cells[d] = cell
	}
}

// whyUntried says of a destination that is needed why its stand-in says nothing; "" if it
// has none, or if that was not broken.
func (j *judge) whyUntried(d Destination, needed bool) string {
	if !needed {
		return ""
	}
	for _, kind := range StandInsFor([]Destination{d}, j.run.Settings.StandIns) {
		if why := j.broken()[kind]; why != "" {
			return fmt.Sprintf(" Whether %s would do is not known, since the gateway's was broken: %s.", kind.Own(), why)
		}
	}
	return ""
}

// whyReplaceable says what answered, and in which trials it worked.
func whyReplaceable(kinds []StandIn, trials []int) string {
	var own []string
	for _, kind := range kinds {
		own = append(own, strings.TrimPrefix(kind.Own(), "your own "))
	}
	return fmt.Sprintf(" Blocked all the same, with a %s of the gateway's own that answered, it worked in %s.", strings.Join(own, " and a "), numbers(trials))
}
