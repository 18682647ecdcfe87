package harness

import (
	"fmt"
	"math"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// A destination is degraded for a column that passes without it, but passes
// worse: slower, or less reliably. The trials that passed fall into those that blocked
// the destination and those that did not, the controls among them, and three
// things must hold:
//
//   - The difference is one that people notice: see [measures].
//   - No control was as bad: what grows worse with the hours is not the block's
//     doing.
//   - By chance it would come in one run of a hundred, by [rankTest], though every
//     destination was given the chance to stand out.
//
// The one that stands out most is named first. What its trials showed is put
// down to it, and the others are looked at without them.

const (
	byChance    = 0.01 // most, over all comparisons of a run: each has its share of it (Bonferroni)
	fewestWorse = 3    // trials that blocked it, at least
	slower      = 1.5  // times as long, at least
	noticeable  = 0.1  // seconds longer, at least: what is quicker feels immediate (Miller 1968)
	lessOften   = 0.05 // more of the time without an answer, at least
)

// measure is one thing that a passing outcome tells of how well it passed. More
// is worse.
type measure struct {
	of      func(Outcome) (value float64, ok bool)
	matters func(with, without float64) bool
	worse   string                     // the word for a larger value
	words   func(value float64) string // the value for people
}

func measures() []measure {
	return []measure{
		{
			of: func(o Outcome) (float64, bool) {
				if o.Figures != nil {
					return o.Figures.P95.Seconds(), o.Figures.P95 > 0
				}
				return o.Duration.Seconds(), o.Duration > 0
			},
			matters: func(with, without float64) bool { return with >= slower*without && with >= without+noticeable },
			worse:   "slower: ",
			words:   func(seconds float64) string { return fmt.Sprintf("%.3g s", seconds) },
		},
		{
			of: func(o Outcome) (float64, bool) {
				if o.Figures == nil {
					return 0, false
				}
				return 1 - o.Figures.Ratio, true
			},
			matters: func(with, without float64) bool { return with >= without+lessOften },
			worse:   "less reliably: for ",
			words:   func(missing float64) string { return fmt.Sprintf("%.0f %% of the time", 100-100*missing) },
		},
	}
}

// showing is how well a column passed in one trial.
type showing struct {
	trial            int
	control          bool
	blocked, unclear search.Set // what was at the block and tried, and what was never tried
	value            float64
}

// blame is a destination without which a column passes worse.
type blame struct {
	destination   int
	alike         search.Set // what was blocked in the very same trials
	with, without []showing
	chance        float64
}

// degrade looks at every optional cell of the run.
func (j *judge) degrade() {
	optional := make([]search.Set, len(j.columns))
	comparisons := 0
	for c := range j.columns {
		for i, destination := range j.universe {
			if j.columns[c].Cells[destination].Verdict == Optional {
				optional[c] = optional[c].With(i)
			}
		}
		comparisons += optional[c].Len() * len(measures())
	}
	for c := range j.columns {
		for _, m := range measures() {
			for _, b := range blames(j.showings(j.columns[c].Column, m), optional[c], m, comparisons) {
				j.name(j.columns[c].Cells, b, m, comparisons)
			}
		}
	}
}

// showings are those of the trials that passed. Where the device was provoked, that may have taken time.
func (j *judge) showings(column Column, m measure) []showing {
	var showings []showing
	for _, f := range j.heard(column) {
		value, ok := m.of(f.Outcomes[column.Scenario.Name])
		if !ok || !f.passed(column) || f.Provoked != nil {
			continue
		}
		tried := f.attempted.Intersect(f.whole)
		showings = append(showings, showing{
			trial: f.Trial.Number, control: f.Trial.Control(),
			blocked: tried, unclear: f.blocked.Minus(tried), value: value,
		})
	}
	return showings
}

// blames names the destinations that stand out, the worst first.
func blames(showings []showing, candidates search.Set, m measure, comparisons int) []blame {
	var named []blame
	for {
		var worst blame
		for _, i := range candidates.Members() {
			b, ok := accuse(showings, i, m)
			switch {
			case !ok || b.chance*float64(comparisons) > byChance:
			case worst.with == nil || b.chance < worst.chance:
				worst = b
			}
		}
		if worst.with == nil {
			return named
		}
		for _, i := range candidates.Members() {
			if b, ok := accuse(showings, i, m); ok && slices.EqualFunc(b.with, worst.with, sameTrial) {
				worst.alike = worst.alike.With(i)
			}
		}
		for _, i := range worst.alike.Members() {
			b := worst
			b.destination, b.alike = i, worst.alike.Without(i)
			named = append(named, b)
		}
		showings = worst.without
	}
}

// accuse compares the trials that blocked a destination with the others.
func accuse(showings []showing, destination int, m measure) (b blame, ok bool) {
	b.destination = destination
	var controls []showing
	for _, s := range showings {
		switch {
		case s.unclear.Has(destination):
		case s.blocked.Has(destination):
			b.with = append(b.with, s)
		default:
			b.without = append(b.without, s)
			if s.control {
				controls = append(controls, s)
			}
		}
	}
	if len(b.with) < fewestWorse || len(controls) == 0 {
		return b, false
	}
	with := median(values(b.with))
	if !m.matters(with, median(values(b.without))) || with <= slices.Max(values(controls)) {
		return b, false
	}
	b.chance = rankTest(values(b.with), values(b.without))
	return b, true
}

func values(showings []showing) []float64 {
	var values []float64
	for _, s := range showings {
		values = append(values, s.value)
	}
	return values
}

func sameTrial(a, b showing) bool { return a.trial == b.trial }

// name turns an optional cell into a degraded one, or adds to it.
func (j *judge) name(cells map[Destination]Cell, b blame, m measure, comparisons int) {
	destination := j.universe[b.destination]
	cell := cells[destination]
	var trials []int
	for _, s := range b.with {
		trials = append(trials, s.trial)
	}
	why := whyDegraded(m.worse, m.words(median(values(b.with))), m.words(median(values(b.without))), trials, len(b.without), b.chance, comparisons)
	if others := j.destinations(b.alike); len(others) > 0 {
		why += fmt.Sprintf(" The same trials blocked %s: it may be that.", names(others))
	}
	if cell.Verdict == Degraded {
		why = cell.Why + " " + why
	}
	cell.Verdict, cell.Why = Degraded, why
	cell.Trials = merged(cell.Trials, trials)
	cell.Attempts = j.attempts(b.destination, cell.Trials)
	cell.Confidence = math.Min(cell.Confidence, 1-b.chance*float64(comparisons))
	cells[destination] = cell
}
