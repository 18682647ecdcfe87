package harness

import (
	"fmt"
	"slices"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// transients turns optional cells into degraded ones if the function failed for a
// while when they were blocked, and then worked again under the same block.
//
// A transient failure is put down to a destination that the trial blocked alone, or that had one in each passing trial in
// which it was tried at the block and that lasted long enough to show one, unless another destination had one in all of
// these trials and in more. A row of which only a part was blocked counts as blocked: the function may have worked again
// by another part. Transient failures must be longer than each of the controls'. One that did not begin with the block is
// put down only to what the device tried for the first time just before it: the others were blocked for a while with the
// function working.
func (j *judge) transients() {
	for c := range j.columns {
		column := j.columns[c]
		heard := j.heard(column.Column)
		usual := time.Duration(0) // the longest with nothing blocked
		for _, f := range heard {
			if f.Trial.Control() {
				usual = max(usual, f.transient(column.Column))
			}
		}
		found := map[int]culprit{}
		for i, destination := range j.universe {
			if verdict := column.Cells[destination].Verdict; verdict == Optional || verdict == Degraded {
				if one := j.culprit(i, heard, column.Column, usual); len(one.trials) > 0 {
					found[i] = one
				}
			}
		}
		for i, one := range found {
			if one.explained(found) {
				continue
			}
			cell := column.Cells[j.universe[i]]
			if cell.Verdict == Degraded {
				one.why = cell.Why + " " + one.why
			}
			cell.Verdict, cell.Why, cell.Trials = Degraded, one.why, merged(cell.Trials, one.trials)
			cell.Attempts = j.attempts(i, cell.Trials)
			column.Cells[j.universe[i]] = cell
		}
	}
}

// culprit is a destination that transient failures are put down to.
type culprit struct {
	why    string
	trials []int // with such a failure, in order
	alone  bool  // one of them blocked nothing else
}

// explained reports whether all its failures are those of another destination, which had more.
func (c culprit) explained(found map[int]culprit) bool {
	if c.alone {
		return false
	}
	for _, other := range found {
		if len(other.trials) > len(c.trials) && !slices.ContainsFunc(c.trials, func(n int) bool { return !slices.Contains(other.trials, n) }) {
			return true
		}
	}
	return false
}

// transient is how long a scenario failed that then worked again; 0 if it did not fail, or only after the device had been
// provoked.
func (f fact) transient(column Column) time.Duration {
	transient := f.Outcomes[column.Scenario.Name].Transient
	if transient != nil && f.Provoked != nil && transient.Failed >= f.Provoked.After {
		return 0
	}
	return transient.lasted()
}

// unrelated reports whether a trial had a transient failure that destination i has nothing to do with: the device tried it
// only when that was over, or not just before it.
func (j *judge) unrelated(i int, f fact, column Column) bool {
	transient := f.Outcomes[column.Scenario.Name].Transient
	if transient == nil {
		return false
	}
	return !slices.ContainsFunc(f.Seen.Contacts, func(c Contact) bool {
		first := c.Attempted.Sub(f.Started)
		if c.Touched > c.Attempts && transient.Before == 0 { // it may have had a connection
			first = c.First.Sub(f.Started)
		}
		return j.index[c.Destination] == i && (transient.Before == 0 && first <= transient.Worked || first > transient.Before && first <= transient.Failed)
	})
}

// onset is how long after the beginning of a trial that blocked destination i, or a part
// of it, a transient failure was first seen; 0 if none was.
func (j *judge) onset(i int, heard []fact, column Column, usual time.Duration) (onset time.Duration) {
	for _, f := range heard {
		if !f.passed(column) || !f.attempted.Has(i) || f.transient(column) <= usual || j.unrelated(i, f, column) {
			continue
		}
		if failed := f.Outcomes[column.Scenario.Name].Transient.Failed; onset == 0 || failed < onset {
			onset = failed
		}
	}
	return onset
}

// culprit is what is put down to destination i: nothing if it has no trials.
func (j *judge) culprit(i int, heard []fact, column Column, usual time.Duration) (c culprit) {
	var worst fact
	clean := false
	onset := j.onset(i, heard, column, usual)
	for _, f := range heard {
		switch {
		case !f.passed(column) || !f.attempted.Has(i) || j.unrelated(i, f, column):
		case f.transient(column) <= usual:
			clean = clean || f.Held >= onset
		default:
			c.trials = append(c.trials, f.Trial.Number)
			single := f.blocked.Len() == 1
			if single && !c.alone || single == c.alone && f.transient(column) > worst.transient(column) {
				worst = f
			}
			c.alone = c.alone || single
		}
	}
	if len(c.trials) == 0 || clean && !c.alone {
		return culprit{}
	}
	transient := worst.Outcomes[column.Scenario.Name].Transient
	c.why = fmt.Sprintf("It works without it, but blocking it interrupts the scenario for about %s. In trial %d the check failed %s after the block began, and passed again %s after the block began, while the block was still on.",
		span.Words(transient.lasted().Round(time.Second)), worst.Trial.Number, span.Words(transient.Failed.Round(time.Second)), span.Words(transient.Worked.Round(time.Second)))
	if others := j.destinations(worst.attempted.Without(i)); !c.alone && len(others) > 0 {
		c.why += fmt.Sprintf(" The same trial blocked %s: it may be that.", names(others[:min(len(others), mostOffered)]))
	}
	c.trials = slices.Compact(c.trials)
	return c
}
