package harness

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// Replicas are devices of the same model and firmware, each in a lane of one run. The search uses
// the answers of all of them, as if they came from one device. So it must notice if they do not:
// a set of destinations that one replica works without, and another does not, is blocked again
// on both, until chance is ruled out. The verdicts are those of the larger group then; what the other
// replicas answered is not used. In the end every replica is checked against the result: each cut
// must break it, and it must work with the safe list blocked. And that a cut has no member too many must have been seen
// on two of them.

// Replica is the device of one lane of several.
type Replica struct {
	Name   string `json:"name"`
	Source string `json:"source,omitempty"` // its spec, as it was given
	Text   string `json:"text,omitempty"`   // the text of the spec; "" for the first replica, whose spec is that of the run
}

// LostError is that a lane cannot carry out trials any more. The others continue.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// Difference is a set of destinations that the replicas of the larger group work without and
// another one does not, or the other way round.
type Difference struct {
	Column Column
	Block  []Destination
	Works  bool  // the replica that differs works without them, and the others do not
	Trials []int // of the replica that differs
	Others []int // trials of the others
}

// ReplicaVerdict is what is known of a replica.
type ReplicaVerdict struct {
	Name     string
	Trials   int // that blocked something
	Controls int
	Cuts     int          // that were proved on it
	Unproved int          // cuts that were not
	Safe     bool         // it worked with all blocked that can be blocked at once
	Differs  []Difference // none if it was not found to differ; else its answers were not used
}

// Agrees reports whether the result was found to be true of the replica.
func (r ReplicaVerdict) Agrees() bool { return r.Safe && r.Unproved == 0 && len(r.Differs) == 0 }

// unproved is a cut that is not known to be one of a lane's device: the set that was blocked when it broke
// another one.
func (p plan) unproved(lane int) (Trial, bool) {
	for _, column := range p.run.Columns() {
		for _, cut := range p.explainConfirmed(column, 1).Cuts {
			proofs := p.proofs(column, cut)
			if proved(lane, proofs) || len(proofs) == 0 {
				continue
			}
			least := slices.MinFunc(proofs, func(a, b fact) int { return a.whole.Len() - b.whole.Len() }).whole
			if v := p.vote(column, least, nil); v.passed[lane]+v.failed[lane] == 0 {
				return p.compare(least, column), true
			}
		}
	}
	return Trial{}, false
}

// proofs are the trials that failed with nothing missing but a cut.
func (h history) proofs(column Column, cut search.Cut) (proofs []fact) {
	for _, f := range h.heard(column) {
		if !f.passed(column) && f.exact() && cut.Members.SubsetOf(f.whole) && h.touchedBy(f, column).SubsetOf(cut.Members) {
			proofs = append(proofs, f)
		}
	}
	return proofs
}

// proved reports whether some trials have one of a lane.
func proved(lane int, proofs []fact) bool {
	return slices.ContainsFunc(proofs, func(f fact) bool { return f.Lane == lane })
}

// unshared is a set that a column worked without on one replica alone, which is not this lane's, although the set has all
// of a cut except for one member: that the cut needs this member rests on it. What the joint safe list has is not
// among them, since every lane is asked that.
func (p plan) unshared(lane int) (Trial, bool) {
	for _, column := range p.run.Columns() {
		safe := p.jointSafe(p.columns(column.Regime, column.Fault))
		for _, cut := range p.explain(column).Cuts {
			for _, member := range cut.Members.Members() {
				rest := cut.Members.Without(member)
				if rest.IsEmpty() || rest.SubsetOf(safe) {
					continue
				}
				lanes, largest := p.without(rest, column)
				if len(lanes) != 1 || lanes[lane] || largest.Intersects(p.kept) || p.underWay(largest, column) {
					continue
				}
				if v := p.vote(column, largest, nil); v.passed[lane]+v.failed[lane] == 0 {
					return p.compare(largest, column), true
				}
			}
		}
	}
	return Trial{}, false
}

// without are the lanes on which a column worked without a set, and the largest set that was blocked then.
func (h history) without(set search.Set, column Column) (lanes map[int]bool, largest search.Set) {
	lanes = map[int]bool{}
	onset := h.lateFailure(column)
	for _, f := range h.heard(column) {
		if !f.passed(column) || f.brief(column, onset) || !set.SubsetOf(f.whole) {
			continue
		}
		if lanes[f.Lane] = true; f.whole.Len() > largest.Len() {
			largest = f.whole
		}
	}
	return lanes, largest
}

// underWay reports whether a trial blocks exactly a set now.
func (p plan) underWay(set search.Set, column Column) bool {
	return slices.ContainsFunc(p.inflight, func(trial Trial) bool {
		return !trial.Control() && column.hears(trial) && p.set(trial.Block).Equal(set)
	})
}

// unsafe is the joint safe list of a regime and a fault, if a lane has not worked with it blocked after everything
// else that it was asked. There is none as long as the search has something to ask.
func (p plan) unsafe(lane int) (Trial, bool) {
	for _, regime := range p.run.Settings.Regimes {
		for _, fault := range p.run.Settings.Faults {
			columns := p.columns(regime, fault)
			safe := p.jointSafe(columns)
			if !safe.IsEmpty() && !safe.Intersects(p.kept) && p.concluding(safe, regime, fault) && !p.endsWith(lane, safe, columns) {
				return p.compare(safe, columns[0]), true
			}
		}
	}
	return Trial{}, false
}

// jointSafe is what can be blocked at once for all of some columns.
func (h history) jointSafe(columns []Column) search.Set {
	var explanations []search.Explanation
	for _, column := range columns {
		explanations = append(explanations, h.explain(column))
	}
	return search.JointSafe(explanations...)
}

// concluding reports whether the search has nothing to ask any more, except for the safe list.
func (p plan) concluding(safe search.Set, regime Regime, fault Fault) bool {
	isSafe := func(t Trial) bool { return t.Regime == regime && t.Fault == fault && p.set(t.Block).Equal(safe) }
	p.inflight = slices.DeleteFunc(slices.Clone(p.inflight), isSafe)
	if trial, needed := p.question(); needed > 0 && isSafe(trial) {
		return true // beside the last audits
	}
	p.inflight = nil
	trial, needed := p.question()
	return needed == 0 || isSafe(trial)
}

// endsWith reports whether the last trial of a lane that says anything of some columns blocked exactly this set, and
// passed.
func (h history) endsWith(lane int, safe search.Set, columns []Column) bool {
	for i := len(h.facts) - 1; i >= 0; i-- {
		f := h.facts[i]
		if f.Lane == lane && f.usable && !f.Trial.Control() && columns[0].hears(f.Trial) {
			return f.whole.Equal(safe) && !slices.ContainsFunc(columns, func(c Column) bool { return !f.passed(c) })
		}
	}
	return false
}

// questionFor is the next question for a lane. What the search surely needs now comes first, and then what the lane is
// checked for, since every lane is asked that sooner or later. Only then comes what the trials under way may answer. The
// last that each lane is asked is the safe list, so that the run ends with it.
func (p plan) questionFor(lane int) (Trial, bool) {
	trial, needed := p.question()
	if len(p.run.Settings.Replicas) < 2 {
		return trial, needed > 0
	}
	if disputed, ok := p.disputed(lane); ok {
		return disputed, true
	}
	if needed > 0 && !p.canWait(trial, needed) {
		return trial, true
	}
	if cut, asks := p.unproved(lane); asks {
		return cut, true
	}
	if set, asks := p.unshared(lane); asks {
		return set, true
	}
	if needed > 0 && !p.leaves(lane, trial) {
		return trial, true
	}
	return p.unsafe(lane)
}

// canWait reports whether a lane is checked before it is asked a question of the search: one that may not be needed when
// the trials under way have ended, or one on which no other rests. If answers may be wrong, a set that failed may not be a
// cut until that is confirmed, so only the end waits.
func (p plan) canWait(trial Trial, needed float64) bool {
	if trial.Reason == search.SafeList || trial.Reason == horizonReason {
		return true
	}
	atTheEnd := slices.Contains([]string{search.Confirm, search.SeeAgain, search.Audit}, trial.Reason)
	return p.run.Settings.MaxNoise == 0 && (atTheEnd || needed < search.Surely)
}

// leaves reports whether a lane leaves the safe list to others: it ended with it, and others have not.
func (p plan) leaves(lane int, trial Trial) bool {
	if trial.Reason != search.SafeList || !p.endsWith(lane, p.set(trial.Block), p.columns(trial.Regime, trial.Fault)) {
		return false
	}
	return slices.ContainsFunc(p.available(), func(other int) bool {
		_, asks := p.unsafe(other)
		return asks
	})
}

// available are the lanes that can be asked something.
func (p plan) available() (lanes []int) {
	for lane := 1; lane <= max(1, p.run.Settings.Lanes); lane++ {
		if !p.gone[lane] && p.out(lane) == "" {
			lanes = append(lanes, lane)
		}
	}
	return lanes
}

// replicas are the verdicts on the replicas.
func (j *judge) replicas() (verdicts []ReplicaVerdict) {
	if len(j.run.Settings.Replicas) < 2 {
		return nil
	}
	for i, replica := range j.run.Settings.Replicas {
		lane := i + 1
		v := ReplicaVerdict{Name: replica.Name, Differs: j.differing[lane], Safe: true}
		for _, f := range j.facts {
			switch {
			case f.Lane != lane:
			case f.Trial.Control():
				v.Controls++
			default:
				v.Trials++
			}
		}
		for n, column := range j.columns {
			for _, cut := range j.explanations[n].Cuts {
				if proved(lane, j.proofs(column.Column, cut)) {
					v.Cuts++
				} else {
					v.Unproved++
				}
			}
		}
		for _, regime := range j.run.Settings.Regimes {
			for _, fault := range j.run.Settings.Faults {
				columns := j.history.columns(regime, fault)
				v.Safe = v.Safe && j.safeOn(lane, j.jointSafe(columns), columns)
			}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// safeOn reports whether a lane has passed with at least this set blocked.
func (h history) safeOn(lane int, safe search.Set, columns []Column) bool {
	return slices.ContainsFunc(h.facts, func(f fact) bool {
		return f.Lane == lane && f.usable && columns[0].hears(f.Trial) && safe.SubsetOf(f.whole) &&
			!slices.ContainsFunc(columns, func(c Column) bool { return !f.passed(c) })
	})
}

// out says why a replica is asked nothing more; "" if it is asked.
func (p plan) out(lane int) string {
	if len(p.run.Settings.Replicas) < 2 {
		return ""
	}
	if differences := p.differing[lane]; len(differences) > 0 {
		return differences[0].sentence()
	}
	useless, _ := p.assess()
	return useless[lane].why
}

// sentence says how a replica differs from the others.
func (d Difference) sentence() string {
	this, others := "fails", "work"
	if d.Works {
		this, others = "works", "fail"
	}
	var names []string
	for _, destination := range d.Block {
		names = append(names, destination.String())
	}
	return fmt.Sprintf("with %s blocked, %s %s here, and the others %s", and(names), d.Column.ID, this, others)
}
