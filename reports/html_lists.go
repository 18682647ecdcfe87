package reports

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness"
)

// beforeAnswers is how many columns of a trial in words come before its answers.
const beforeAnswers = 4

// trialLine is a trial in words.
type trialLine struct {
	Number  int
	Began   string
	Held    string
	What    string
	Blocked string
	Answers []answerMark // by column
	Suspect string
}

// answerMark is an answer in words, with its reason where there is one.
type answerMark struct{ Class, Word, Why string }

// namesInAll is how many names of destinations the list of the trials may have.
const namesInAll = 5_000

func trialLines(r reading, trials []Trial) []trialLine {
	few := max(3, namesInAll/max(1, len(trials)))
	budget := newAllowance(len(trials) * len(r.Columns))
	return each(trials, func(t Trial) trialLine {
		l := trialLine{
			Number:  t.Number,
			Began:   lasting(t.Began),
			Held:    lasting(t.Held),
			What:    t.Reason,
			Blocked: r.blocked(t, few),
			Suspect: t.Suspect,
		}
		if len(r.Run.Faults) > 1 && t.Fault != "" {
			l.What += ", " + string(t.Fault)
		}
		if t.Regime == harness.ColdBoot {
			l.What += ", cold boot"
		}
		for _, column := range r.Columns {
			l.Answers = append(l.Answers, mark(t.Answers[column.ID], budget))
		}
		return l
	})
}

// blocked names what a trial blocked, or, where that is shorter, what it did
// not; neither where it would take more than a few names.
func (r reading) blocked(t Trial, few int) string {
	all, n := len(r.Rows), len(t.Blocked)
	switch {
	case n == 0:
		return "nothing"
	case n == all:
		return fmt.Sprintf("all %d", all)
	case n > all/2 && all-n <= few:
		return fmt.Sprintf("%d: all but %s", n, enumerate(r.named(t.Blocked, false)))
	case n <= few:
		return fmt.Sprintf("%d: %s", n, enumerate(r.named(t.Blocked, true)))
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// named are the names of the rows in a list, or of those not in it.
func (r reading) named(places []int, in bool) []string {
	var names []string
	for i, row := range r.Rows {
		if slices.Contains(places, i) == in {
			names = append(names, nameOf(row.Destination))
		}
	}
	return names
}

// nameOf is a destination's name where its service need not be told.
func nameOf(d Destination) string { return HostName(d.ID.Name) }

func mark(o harness.Outcome, budget allowance) answerMark {
	switch o.Answer {
	case harness.Pass:
		return answerMark{"pass", "works", ""}
	case harness.Fail:
		return answerMark{"fail", "fails", budget.cut(o.Why)}
	case harness.Inconclusive:
		return answerMark{"unclear", "inconclusive", budget.cut(o.Why)}
	}
	return answerMark{"none", "not asked", ""}
}

// flowLine is what was observed of a destination, in words.
type flowLine struct {
	Name     []string
	Service  string
	First    string
	Last     string
	Open     int
	Blocked  int
	Answered string
}

func flowLines(r reading, flows []Flow) []flowLine {
	var lines []flowLine
	for i, f := range flows[:min(len(flows), len(r.Rows))] {
		l := flowLine{Open: f.Open, Blocked: f.Blocked, First: "–", Last: "–", Answered: "never"}
		l.Name, l.Service = drawn(r.Rows[i].Destination.ID).Name, serviceOf(r.Rows[i].Destination)
		if f.Open+f.Blocked > 0 || f.Last > 0 {
			l.First, l.Last = lasting(f.First), lasting(f.Last)
		}
		if f.Answered {
			l.Answered = "yes"
		}
		lines = append(lines, l)
	}
	return lines
}
