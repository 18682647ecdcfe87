package harness

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/needwant/needwant/harness/search"
)

// Rechecked is the certificate of a column whose [Known] matrix was tested again: each need by
// itself, and everything else at once.
const Rechecked = search.Rechecked

// Known is an earlier matrix that a run tests again instead of searching: its hypothesis.
type Known struct {
	Source   string        `json:"source"` // the file that it was read from
	Run      string        `json:"run"`    // the id of the earlier run
	Started  time.Time     `json:"started"`
	Trials   int           `json:"trials"` // of the earlier run
	Firmware string        `json:"firmware,omitempty"`
	Catalog  bool          `json:"catalog,omitempty"` // it is of another device of the model, and was found in a catalog
	Whole    bool          `json:"whole,omitempty"`   // prove everything again, too
	Columns  []KnownColumn `json:"columns"`

	// Periods is how often destinations are contacted: the longest time between two contacts.
	// A block waits for them.
	Periods map[Destination]time.Duration `json:"periods,omitempty"`
}

// KnownColumn is what the earlier matrix says of one column.
type KnownColumn struct {
	Scenario string                  `json:"scenario"`
	Regime   Regime                  `json:"regime"`
	Fault    Fault                   `json:"fault"`
	Cuts     [][]Destination         `json:"cuts,omitempty"`
	Verdicts map[Destination]Verdict `json:"verdicts"`

	// Fallbacks are optional, since they are contacted only while one of these cuts is blocked.
	Fallbacks map[Destination][][]Destination `json:"fallbacks,omitempty"`
}

// String names the earlier run: "s50.run of 2026-11-02".
func (k Known) String() string {
	name := filepath.Base(k.Source)
	if k.Catalog {
		name = "the catalog's entry " + name
	}
	if k.Started.IsZero() {
		return name
	}
	return name + " of " + k.Started.UTC().Format("2006-01-02")
}

// column finds what is known of a column.
func (k *Known) column(column Column) (known KnownColumn, ok bool) {
	if k == nil {
		return known, false
	}
	i := slices.IndexFunc(k.Columns, func(c KnownColumn) bool {
		return c.Scenario == column.Scenario.Name && c.Regime == column.Regime && c.Fault == column.Fault
	})
	if i < 0 {
		return known, false
	}
	return k.Columns[i], true
}

// periods are those that are known.
func (k *Known) periods() map[Destination]time.Duration {
	if k == nil {
		return nil
	}
	return k.Periods
}

// destinations are those of the cuts: they are tested even if the device does not contact
// them any more.
func (k *Known) destinations() (all []Destination) {
	if k == nil {
		return nil
	}
	for _, column := range k.Columns {
		all = append(all, slices.Concat(column.Cuts...)...)
	}
	return all
}

// hypothesis is what is known of a column, in rows. It is nil if nothing is.
func (h history) hypothesis(column Column) *search.Hypothesis {
	known, ok := h.run.Settings.Known.column(column)
	if !ok {
		return nil
	}
	var s search.Hypothesis
	for _, cut := range known.Cuts {
		if set := h.set(cut); !set.Intersects(h.kept) {
			s.Cuts = append(s.Cuts, set)
		}
	}
	for d, verdict := range known.Verdicts {
		i, seen := h.index[h.row(d)]
		switch {
		case !seen || h.kept.Has(i):
		case verdict == Optional, verdict == Degraded:
			s.Optional = s.Optional.With(i)
		case verdict == NotExercised:
			s.Untried = s.Untried.With(i)
		}
	}
	for _, other := range h.columns(column.Regime, column.Fault) {
		known, _ := h.run.Settings.Known.column(other)
		for d, verdict := range known.Verdicts {
			i, seen := h.index[h.row(d)]
			if seen && (verdict == NotExercised || known.Fallbacks[d] != nil) {
				s.Spare = s.Spare.With(i)
			}
		}
	}
	return &s
}

// hypotheses are those of the columns that share a regime and a fault; nil without any.
func (h history) hypotheses(columns []Column) (all []*search.Hypothesis) {
	if h.run.Settings.Known == nil {
		return nil
	}
	for _, column := range columns {
		all = append(all, h.hypothesis(column))
	}
	return all
}

// believe says of a cell what it rests on, if that is not this run alone. What this run
// cannot tell is as it was: how well the device works without something takes more trials.
// cuts are those of the column.
func (j *judge) believe(i int, column Column, explanation search.Explanation, cuts []Cut, cell Cell) Cell {
	if !explanation.Believed.Has(i) {
		return cell
	}
	known, _ := j.run.Settings.Known.column(column)
	source := j.run.Settings.Known.String()
	was := known.Verdicts[j.universe[i]]
	if was == Degraded && cell.Verdict == Optional {
		cell.Verdict = Degraded
	}
	switch {
	case cell.Verdict == Alternative:
		cell.Why = fmt.Sprintf("All of its group together were blocked again, and it failed, in %s. That any one of them is enough rests on %s.", numbers(cell.Trials), source)
	case was == "":
		cell.Why = fmt.Sprintf("It is not in %s. The device tried it while it was blocked with everything else that can be blocked, and all worked, in %s.", source, numbers(cell.Trials))
	case known.Fallbacks[j.universe[i]] != nil && len(cell.Trials) == 0:
		cell.OnlyWhile = idsOf(known.Fallbacks[j.universe[i]], cuts)
		cell.Why = fmt.Sprintf("It is contacted only while something is blocked that is needed. That rests on %s.", source)
	case len(cell.Trials) == 0:
		cell.Why = fmt.Sprintf("The device did not try it this time. The verdict is that of %s.", source)
	default:
		cell.Why = fmt.Sprintf("The device tried it again while it was blocked with everything else that can be blocked, and all worked, in %s. That no set needs it rests on %s.", numbers(cell.Trials), source)
	}
	return cell
}

// idsOf are the ids of the cuts that are among some sets.
func idsOf(sets [][]Destination, cuts []Cut) (ids []string) {
	for _, cut := range cuts {
		if slices.ContainsFunc(sets, func(set []Destination) bool { return slices.Equal(set, cut.Destinations) }) {
			ids = append(ids, cut.ID)
		}
	}
	return ids
}
