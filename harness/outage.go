package harness

import (
	"fmt"
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/internal/span"
)

// interrupted turns optional cells into degraded ones if the function failed for a
// while when they were blocked, and then worked again under the same block.
//
// An outage is put down to a destination that the trial blocked alone, or that had an outage in each passing trial in
// which it was tried at the block and that lasted long enough to show one, unless another destination had one in all of
// these trials and in more. A row of which only a part was blocked counts as blocked: the function may have worked again
// by another part. Outages must be longer than each of the controls'. One that did not begin with the block is put down
// only to what the device tried for the first time just before it: the others were blocked for a while with the function
// working.
func (j *judge) interrupted() {
	for c := range j.columns {
		column := j.columns[c]
		heard := j.heard(column.Column)
		usual := time.Duration(0) // the longest with nothing blocked
		for _, f := range heard {
			if f.Trial.Control() {
				usual = max(usual, f.outage(column.Column))
			}
		}
		found := map[int]interruption{}
		for i, destination := range j.universe {
			if verdict := column.Cells[destination].Verdict; verdict == Optional || verdict == Degraded {
				if o := j.outages(i, heard, column.Column, usual); len(o.trials) > 0 {
					found[i] = o
				}
			}
		}
		for i, o := range found {
			if o.explained(found) {
				continue
			}
			cell := column.Cells[j.universe[i]]
			if cell.Verdict == Degraded {
				o.why = cell.Why + " " + o.why
			}
			cell.Verdict, cell.Why, cell.Trials = Degraded, o.why, merged(cell.Trials, o.trials)
			cell.Attempts = j.attempts(i, cell.Trials)
			column.Cells[j.universe[i]] = cell
		}
	}
}

// interruption is what happened when a destination was blocked.
type interruption struct {
	why    string
	trials []int // with an outage, in order
	alone  bool  // one of them blocked nothing else
}

// explained reports whether all outages are those of another destination, which had more.
func (o interruption) explained(found map[int]interruption) bool {
	if o.alone {
		return false
	}
	for _, other := range found {
		if len(other.trials) > len(o.trials) && !slices.ContainsFunc(o.trials, func(n int) bool { return !slices.Contains(other.trials, n) }) {
			return true
		}
	}
	return false
}

// outage is how long a scenario failed that then worked again; 0 if it did not fail, or only after the device had been
// provoked.
func (f fact) outage(column Column) time.Duration {
	outage := f.Outcomes[column.Scenario.Name].Outage
	if outage != nil && f.Provoked != nil && outage.Failed >= f.Provoked.After {
		return 0
	}
	return outage.lasted()
}

// unrelated reports whether a trial had an outage that destination i has nothing to do with: the device tried it only when that was
// over, or not just before it.
func (j *judge) unrelated(i int, f fact, column Column) bool {
	outage := f.Outcomes[column.Scenario.Name].Outage
	if outage == nil {
		return false
	}
	return !slices.ContainsFunc(f.Seen.Contacts, func(c Contact) bool {
		first := c.Attempted.Sub(f.Started)
		if c.Touched > c.Attempts && outage.Before == 0 { // it may have had a connection
			first = c.First.Sub(f.Started)
		}
		return j.index[c.Destination] == i && (outage.Before == 0 && first <= outage.Worked || first > outage.Before && first <= outage.Failed)
	})
}

// onset is how long after the beginning of a trial that blocked destination i, or a part
// of it, an outage was first seen; 0 if none was.
func (j *judge) onset(i int, heard []fact, column Column, usual time.Duration) (onset time.Duration) {
	for _, f := range heard {
		if !f.passed(column) || !f.attempted.Has(i) || f.outage(column) <= usual || j.unrelated(i, f, column) {
			continue
		}
		if failed := f.Outcomes[column.Scenario.Name].Outage.Failed; onset == 0 || failed < onset {
			onset = failed
		}
	}
	return onset
}

// outages are those when destination i was blocked, if they are to be put down to it.
func (j *judge) outages(i int, heard []fact, column Column, usual time.Duration) (o interruption) {
	var worst fact
	clean := false
	onset := j.onset(i, heard, column, usual)
	for _, f := range heard {
		switch {
		case !f.passed(column) || !f.attempted.Has(i) || j.unrelated(i, f, column):
		case f.outage(column) <= usual:
			clean = clean || f.Held >= onset
		default:
			o.trials = append(o.trials, f.Trial.Number)
			single := f.blocked.Len() == 1
			if single && !o.alone || single == o.alone && f.outage(column) > worst.outage(column) {
				worst = f
			}
			o.alone = o.alone || single
		}
	}
	if len(o.trials) == 0 || clean && !o.alone {
		return interruption{}
	}
	outage := worst.Outcomes[column.Scenario.Name].Outage
	o.why = fmt.Sprintf("It works without it, but blocking it interrupts the scenario for about %s. In trial %d the check failed %s after the block began, and passed again %s after the block began, while the block was still on.",
		span.Words(outage.lasted().Round(time.Second)), worst.Trial.Number, span.Words(outage.Failed.Round(time.Second)), span.Words(outage.Worked.Round(time.Second)))
	if others := j.destinations(worst.attempted.Without(i)); !o.alone && len(others) > 0 {
		o.why += fmt.Sprintf(" The same trial blocked %s: it may be that.", names(others[:min(len(others), mostOffered)]))
	}
	o.trials = slices.Compact(o.trials)
	return o
}

// touchedBy is what the device ran into at the block until the scenario failed, or in all.
func (h history) touchedBy(f fact, column Column) search.Set {
	broke := f.Outcomes[column.Scenario.Name].Broke
	if broke == nil {
		return f.touched
	}
	known := func(d Destination) bool { _, known := h.index[d]; return known }
	return f.touched.Intersect(h.set(slices.DeleteFunc(slices.Clone(broke.Touched), func(d Destination) bool { return !known(d) })))
}
