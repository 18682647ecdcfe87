package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// outside is the sentence of what is left to need.
func (r reading) outside(o Outside) string {
	needs := "nothing"
	if left := kinds(o.Left); len(left) > 0 {
		const most = 4
		if more := len(left) - most; more > 0 {
			left = append(left[:most:most], number(more)+" more")
		}
		needs = "no more than " + strings.TrimSpace(enumerate(left))
	}
	columns := ""
	if len(o.Columns) < len(r.Columns) {
		columns = " for " + enumerate(o.Columns)
	}
	return fmt.Sprintf("With %s, the device needs %s from outside%s (%s).", own(o.StandIns), needs, columns, inTrials([]int{o.Trial}))
}

// remaining names what the sentence counts.
func (r reading) remaining(o Outside) section {
	s := section{title: r.remainingTitle(o)}
	for _, f := range r.fates(o) {
		s.lines = append(s.lines, capital(f.words)+": "+called(f.members...)+".")
	}
	return s
}

// remainingTitle is the title of what is left to need, in text and above its drawing.
func (r reading) remainingTitle(o Outside) string {
	title := "What is left to need from outside"
	if len(o.Columns) < len(r.Columns) {
		title = "What " + enumerate(o.Columns) + " still need from outside"
		if len(o.Columns) == 1 {
			title = "What " + o.Columns[0] + " still needs from outside"
		}
	}
	return fmt.Sprintf("%s, with %s (%s)", title, own(o.StandIns), inTrials([]int{o.Trial}))
}

// fate is what became of some destinations in the trial that shows what is left to need.
type fate struct {
	state   string // in the drawing: "needed", "unsure", "own" or "spare"
	words   string
	members []harness.Destination
}

// fates are what became of all destinations, with what is still needed first.
func (r reading) fates(o Outside) []fate {
	needed := fate{state: "needed", words: "still needed from outside"}
	unsure := fate{state: "unsure", words: "left reachable, since it is not decided"}
	spare := fate{state: "spare", words: "can be blocked"}
	replaced := each(o.StandIns, func(kind harness.StandIn) fate { return fate{state: "own", words: kind.Own() + " instead"} })
	for _, row := range r.Rows {
		d := row.Destination.ID
		by := slices.IndexFunc(o.StandIns, func(kind harness.StandIn) bool {
			return slices.Contains(o.Replaced, harness.Replaced{Destination: d, StandIn: kind})
		})
		switch {
		case by >= 0:
			replaced[by].members = append(replaced[by].members, d)
		case !slices.Contains(o.Left, d):
			spare.members = append(spare.members, d)
		case slices.ContainsFunc(o.Columns, func(id string) bool { return row.Cells[id].needed() }):
			needed.members = append(needed.members, d)
		default:
			unsure.members = append(unsure.members, d)
		}
	}
	all := append(append([]fate{needed, unsure}, replaced...), spare)
	return slices.DeleteFunc(all, func(f fate) bool { return len(f.members) == 0 })
}

// remainingCard is the drawing of what is left to need.
type remainingCard struct {
	Title string
	drawing
}

// drawnRemaining are the drawings of what is left to need.
func (r reading) drawnRemaining() []remainingCard {
	return each(r.Outside, func(o Outside) remainingCard {
		card := remainingCard{r.remainingTitle(o), drawing{From: cmp.Or(r.Device.Name, "the device"), Via: "your home"}}
		for _, f := range r.fates(o) {
			for _, d := range f.members {
				card.add(d, f.state, f.words)
			}
		}
		return card
	})
}
