package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// Report is a matrix with the experiment behind it: what was tried when, what
// came of it, and what the device contacted. A format shows as much of it as it
// can; all but [HTML] see nothing but the Matrix. A Report of a Matrix alone is
// whole, and says nothing of the experiment.
type Report struct {
	Matrix
	Trials   []Trial   // in the order they began, controls and repeats included
	Flows    []Flow    // by row
	Settings []Setting // what the run was made with
}

// Trial is one set that was blocked, and what still worked. Times are in
// seconds. Rows are meant by their places in the matrix, from 0.
type Trial struct {
	Number  int
	Lane    int
	Began   float64 // since the run began
	Held    float64
	Fault   harness.Fault // "" for a control
	Regime  harness.Regime
	Reason  string                     // why it was made, in words
	Blocked []int                      // rows, ascending; none for a control
	Tried   []int                      // those of Blocked that the device ran into, ascending
	Answers map[string]harness.Outcome // by column id; no entry for a column of which the trial says nothing
	Suspect string                     // why nothing was concluded from it; "" when it counts
}

// Control reports whether the trial blocked nothing.
func (t Trial) Control() bool { return len(t.Blocked) == 0 }

// Flow is what was seen of the row of the same place, over the whole run. Times
// are in seconds since the run began.
type Flow struct {
	First, Last float64
	Open        int  // attempts that met no block
	Blocked     int  // attempts that ran into the block
	Answered    bool // a reply came back at least once
}

// Setting is one choice that the run was made with, in words.
type Setting struct{ Name, Value string }

// NewReport makes the report of a run and of what was judged of it.
func NewReport(run harness.Run, judgement harness.Judgement) Report {
	places := map[harness.Destination]int{}
	for i, row := range judgement.Rows {
		places[row.Contact.Destination] = i
	}
	r := Report{
		Matrix:   New(run, judgement),
		Flows:    each(judgement.Rows, func(row harness.Row) Flow { return flow(row.Contact, run.Started) }),
		Settings: settings(run.Settings),
	}
	for _, result := range run.Results {
		r.Trials = append(r.Trials, trial(result, run, places))
	}
	slices.SortStableFunc(r.Trials, func(a, b Trial) int { return a.Number - b.Number })
	return r
}

func flow(c harness.Contact, started time.Time) Flow {
	return Flow{
		First:    since(started, c.First),
		Last:     since(started, c.Last),
		Open:     max(0, c.Tries-c.Attempts),
		Blocked:  c.Attempts,
		Answered: c.Answered,
	}
}

func trial(result harness.Result, run harness.Run, places map[harness.Destination]int) Trial {
	t := Trial{
		Number:  result.Trial.Number,
		Lane:    result.Lane,
		Began:   since(run.Started, result.Started),
		Held:    seconds(result.Held),
		Regime:  result.Trial.Regime,
		Reason:  result.Trial.Why(),
		Suspect: result.Suspect,
		Answers: answers(result, run),
	}
	if !result.Trial.Control() {
		t.Fault = result.Trial.Fault
	}
	tried := map[harness.Destination]bool{}
	for _, contact := range result.Seen.Contacts {
		tried[contact.Destination] = contact.Attempts > 0
	}
	for _, d := range result.Trial.Block {
		place, ok := places[d]
		if !ok {
			continue
		}
		t.Blocked = append(t.Blocked, place)
		if tried[d] {
			t.Tried = append(t.Tried, place)
		}
	}
	slices.Sort(t.Blocked)
	slices.Sort(t.Tried)
	return t
}

// answers are the outcomes by column. A control speaks for every fault.
func answers(result harness.Result, run harness.Run) map[string]harness.Outcome {
	found := map[string]harness.Outcome{}
	for _, c := range run.Columns() {
		outcome, ok := result.Outcomes[c.Scenario.Name]
		if ok && result.Trial.Regime == c.Regime && (result.Trial.Control() || result.Trial.Fault == c.Fault) {
			found[c.ID] = outcome
		}
	}
	return found
}

func settings(s harness.Settings) []Setting {
	all := []Setting{
		{"World or spec", s.Source},
		{"Block driver", s.Driver},
		{"Faults", words(s.Faults)},
		{"Regimes", words(s.Regimes)},
		{"Order", s.Order},
		{"Settle", duration(s.Settle)},
		{"Never blocked", enumerate(s.Kept)},
		{"Lanes", positive(s.Lanes)},
		{"Budget", budget(s.Budget)},
		{"Noise expected", patience(s)},
		{"Seed", positive(int(s.Seed))},
	}
	return slices.DeleteFunc(all, func(s Setting) bool { return s.Value == "" })
}

func words[T ~string](list []T) string {
	return enumerate(each(list, func(t T) string { return strings.ReplaceAll(string(t), "_", " ") }))
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return lasting(d.Seconds())
}

func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func budget(trials int) string {
	if trials == 0 {
		return "no limit"
	}
	return count(trials, "trial")
}

// patience says how much was done about checks that go wrong by themselves.
func patience(s harness.Settings) string {
	switch {
	case s.MaxNoise == 0 && s.Confirm > 1:
		return fmt.Sprintf("none, but a need takes %d failing trials", s.Confirm)
	case s.MaxNoise == 0:
		return "none: every single answer was trusted"
	case s.Careful:
		return "up to " + percent(s.MaxNoise) + " of the answers; confirmed carefully"
	}
	return "up to " + percent(s.MaxNoise) + " of the answers"
}

// since is a time in seconds after the start, 0 where either is not known.
func since(started, at time.Time) float64 {
	if started.IsZero() || at.IsZero() {
		return 0
	}
	return max(0, seconds(at.Sub(started)))
}
