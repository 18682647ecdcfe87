package harness

import (
	"fmt"
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// Judge reads the verdicts from a run. It may be called at any time, on a run
// that is not finished too: what is not proved yet is undecided.
func Judge(run Run) Judgement { return judged(newHistory(run)) }

func judged(h history) Judgement {
	j := judge{history: h}
	for _, column := range h.run.Columns() {
		j.column(column)
	}
	j.degrade()
	j.transients()
	j.exercised()
	j.held()
	outside := j.replace()
	return Judgement{Rows: j.rows(), Columns: j.columns, Safe: j.safe(), Outside: outside, Unverified: j.unverified(), Allow: j.allow(), Replicas: j.replicas()}
}

// judge collects the verdicts of a run.
type judge struct {
	history
	columns      []ColumnVerdict
	explanations []search.Explanation
	cuts         int // numbered so far
}

// column judges one column.
func (j *judge) column(column Column) {
	explanation := j.explain(column)
	j.doubt(&explanation, column)
	j.explanations = append(j.explanations, explanation)
	verdict := ColumnVerdict{
		Column:    column,
		Certified: explanation.Certified,
		FalseFail: explanation.FalseFail,
		FalsePass: explanation.FalsePass,
		Cells:     map[Destination]Cell{},
	}
	for _, cut := range explanation.Cuts {
		j.cuts++
		verdict.Cuts = append(verdict.Cuts, Cut{
			ID:           fmt.Sprintf("c%d", j.cuts),
			Destinations: j.destinations(cut.Members),
			Trials:       cut.Trials,
		})
	}
	for _, open := range explanation.Open {
		for _, set := range open.Sets {
			verdict.Unknown = append(verdict.Unknown, Unknown{open.Why, j.destinations(set)})
		}
	}
	for i, destination := range j.universe {
		verdict.Cells[destination] = j.believe(i, column, explanation, verdict.Cuts, j.cell(i, explanation, verdict.Cuts))
	}
	j.columns = append(j.columns, verdict)
}

// doubt takes back the cuts of a column that rest on trials in which the device did not try all that was blocked, until these
// sets were held for long enough: see [history.unseen]. Nothing is certified then.
func (j *judge) doubt(e *search.Explanation, column Column) {
	if j.run.Settings.Known != nil {
		return
	}
	cuts, rest, proved := e.Cuts, e.Optional.Union(e.NotExercised).Union(e.Undecided), search.Set{}
	e.Cuts = nil
	for _, cut := range cuts {
		if open := j.unheld(cut, column); len(open) > 0 {
			e.Open = append(e.Open, search.Open{Why: search.OpenProof, Sets: open})
			e.Unproven, rest = append(e.Unproven, search.Cut{Members: cut.Members, Trials: cut.Trials}), rest.Union(cut.Members)
			continue
		}
		e.Cuts, proved = append(e.Cuts, cut), proved.Union(cut.Members)
	}
	if len(e.Cuts) < len(cuts) {
		e.Certified, e.Fallbacks = "none", nil
		e.Optional, e.NotExercised, e.Undecided = search.Set{}, search.Set{}, rest.Minus(proved)
	}
}

// unheld are the parts of a cut that it rests on and that worked in no trial in which the device tried all of them, or that lasted
// until the others were overdue. Of what is contacted once in an unknown time, it lasted to the horizon.
func (j *judge) unheld(cut search.Cut, column Column) []search.Set {
	heard := j.heard(column)
	return slices.DeleteFunc(j.unseen(search.Explanation{Cuts: []search.Cut{cut}}, column), func(part search.Set) bool {
		return slices.ContainsFunc(heard, func(f fact) bool {
			return f.passed(column) && part.SubsetOf(f.whole) && !slices.ContainsFunc(part.Minus(f.attempted).Members(), func(i int) bool {
				least := max(j.horizon(), j.untilTried(part, column.Regime))
				if every := j.clocks[i].Every; every > 0 {
					least = late(every)
				}
				return f.Held < least && !j.spare(i, cut.Members, heard)
			})
		})
	})
}

// cell is the verdict on destination i. cuts are those of the explanation, in
// its order, with their ids.
func (j *judge) cell(i int, explanation search.Explanation, cuts []Cut) Cell {
	cell := Cell{Confidence: explanation.Confidence(i)}
	for n, cut := range explanation.Cuts {
		if !cut.Members.Has(i) {
			continue
		}
		cell.Cuts = append(cell.Cuts, cuts[n].ID)
		if cell.Verdict == "" || cut.Members.Len() == 1 {
			cell.Verdict, cell.Why, cell.Trials = j.member(i, cut, explanation)
		}
	}
	switch {
	case cell.Verdict != "":
	case j.kept.Has(i):
		cell.Verdict, cell.Why = Undecided, whyKept
	case len(explanation.Fallbacks[i].While) > 0:
		fallback := explanation.Fallbacks[i]
		cell.Verdict, cell.Trials = Optional, fallback.Trials
		cell.OnlyWhile, cell.Why = j.onlyWhile(fallback, explanation, cuts)
	case explanation.Optional.Has(i):
		cell.Verdict, cell.Trials = Optional, explanation.Attempted[i]
		cell.Why = whyOptional(cell.Trials)
	case explanation.NotExercised.Has(i):
		cell.Verdict, cell.Why = NotExercised, whyNotExercised
	default:
		cell.Verdict = Undecided
		cell.Why, cell.Trials = whyUndecided(i, explanation)
	}
	cell.Attempts = j.attempts(i, cell.Trials)
	return cell
}

// onlyWhile are the ids of the cuts that were blocked whenever a fallback was
// contacted, and the sentence that says so.
func (j *judge) onlyWhile(fallback search.Fallback, explanation search.Explanation, cuts []Cut) (ids []string, why string) {
	var while [][]Destination
	for n, cut := range explanation.Cuts {
		if slices.ContainsFunc(fallback.While, cut.Members.Equal) {
			ids = append(ids, cuts[n].ID)
			while = append(while, cuts[n].Destinations)
		}
	}
	return ids, whyOnlyWhile(while, fallback)
}

// member is the verdict on a destination by a cut it belongs to.
func (j *judge) member(i int, cut search.Cut, explanation search.Explanation) (Verdict, string, []int) {
	if cut.Members.Len() == 1 {
		return Required, whyRequired(cut, explanation), merged(cut.Trials)
	}
	others := j.destinations(cut.Members.Without(i))
	return Alternative, whyAlternative(others, cut), merged(cut.Trials, cut.Proof)
}

// attempts counts how often the device began to contact destination i while it was
// blocked, over some trials.
func (j *judge) attempts(i int, trials []int) int {
	count := 0
	for _, f := range j.facts {
		if slices.Contains(trials, f.Trial.Number) {
			count += f.attempts[i]
		}
	}
	return count
}

// safe lists what can be blocked at once: for each column, and if there are
// several for all of them together. Only what was proved is in a list: blocked, and
// tried by the device, in a passing trial of each column.
func (j *judge) safe() []SafeList {
	var lists []SafeList
	var all []string
	for i, column := range j.columns {
		all = append(all, column.Column.ID)
		lists = append(lists, j.safeList(column.Column.ID)(search.JointSafe(j.explanations[i])))
	}
	if len(all) < 2 {
		return lists
	}
	return append(lists, j.safeList(all...)(search.JointSafe(j.explanations...)))
}

// safeList finds the trial that proves a set safe for some columns.
func (j *judge) safeList(columns ...string) func(search.Set) SafeList {
	return func(set search.Set) SafeList {
		trial, held := j.provedBy(set, columns)
		return SafeList{columns, j.destinations(set), trial, held}
	}
}

// provedBy is the trial that held exactly this set for longest, or else at least this set,
// and passed in all of some columns, and for how long; 0 if there is none.
func (j *judge) provedBy(set search.Set, columns []string) (trial int, held time.Duration) {
	exact := false
	for _, f := range j.trusted() {
		if !set.SubsetOf(f.whole) || !j.passed(f, columns) {
			continue
		}
		if same := set.Equal(f.whole); same && !exact || same == exact && f.Held >= held {
			trial, held, exact = f.Trial.Number, f.Held, same
		}
	}
	return trial, held
}

// passed reports whether a result passed in all of some columns it speaks of, for long enough,
// and speaks of at least one.
func (j *judge) passed(f fact, columns []string) bool {
	heard := false
	for _, column := range j.run.Columns() {
		if !slices.Contains(columns, column.ID) || !column.hears(f.Trial) {
			continue
		}
		heard = true
		if !f.passed(column) || f.brief(column, j.lateFailure(column)) {
			return false
		}
	}
	return heard
}

// merged joins lists of trial numbers, sorted and each one once.
func merged(lists ...[]int) []int {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(number int) bool { return number == 0 })
}
