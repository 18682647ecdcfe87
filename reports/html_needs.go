package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// need is what columns need, to be drawn: all of the parts.
type need struct {
	Titles []string
	Parts  []part
	None   string // what to say where there are no parts
	Proved bool   // that there is no need
	Level  string // how far it is certified
}

// Wide reports whether the need takes the whole width of the page.
func (n need) Wide() bool { return slices.ContainsFunc(n.Parts, func(p part) bool { return p.Many }) }

// part is a destination that is needed, or a group of which some are.
type part struct {
	Letter  string // of a group; "" for a single destination
	AtLeast string // how many of it are needed, in words
	Many    bool   // more members than are drawn one below the other
	Members []member
	Own     string // what the owner may have instead, "or your own time server"
	Proof   string
}

const mostBelow = 8

// member is a destination as it is drawn: its name, and what it is asked for.
type member struct {
	Name    []string
	Service string
}

// drawnNeeds are the needs of the columns; those that need the same share one.
func (r reading) drawnNeeds() []need {
	var needs []need
	var known [][]string
	for i, column := range r.Columns {
		lines := r.cuts(column)
		same := slices.IndexFunc(known, func(k []string) bool { return slices.Equal(k, lines) })
		if same < 0 {
			same = len(needs)
			known = append(known, lines)
			needs = append(needs, r.drawnNeed(column))
		}
		needs[same].Titles = append(needs[same].Titles, r.headings[i])
	}
	return needs
}

func (r reading) drawnNeed(column Column) need {
	n := need{Level: r.certification(column)}
	for _, need := range r.needsOf(column) {
		n.Parts = append(n.Parts, part{
			Letter:  r.group[need.Cuts[0]].letter,
			AtLeast: number(need.AtLeast),
			Many:    len(need.Of) > mostBelow,
			Members: each(need.Of, drawn),
			Own:     strings.TrimPrefix(r.replacing(need), ", "),
			Proof:   inTrials(r.trialsOf(need)),
		})
	}
	slices.SortStableFunc(n.Parts, func(a, b part) int { return cmp.Compare(len(a.Letter), len(b.Letter)) })
	if len(n.Parts) == 0 {
		n.None, n.Proved = r.noCuts(column), r.settled(column)
	}
	return n
}

func drawn(d harness.Destination) member { return member{breakable(HostName(d.Name)), how(d)} }

// safeCard is what may be blocked all at once.
type safeCard struct {
	Columns string
	Extent  string // how much it is, and the proof
	AllBut  string // what is left open, where that is the shorter list
	Members []member
	Folded  bool // too many members to be shown unasked
}

// drawnSafe are the safe lists, the one of the most columns first.
func (r reading) drawnSafe() []safeCard {
	lists := slices.Clone(r.distinctSafe())
	slices.SortStableFunc(lists, func(a, b Safe) int { return cmp.Compare(len(b.Columns), len(a.Columns)) })
	return each(lists, func(s Safe) safeCard {
		card := safeCard{
			Columns: enumerate(each(s.Columns, r.headingOf)),
			Extent:  r.extent(s),
			Members: each(s.Destinations, drawn),
			Folded:  len(s.Destinations) > mostBelow,
		}
		if len(s.Columns) > 1 && len(s.Columns) == len(r.Columns) {
			card.Columns = "For all of it together"
		}
		if left := r.left(s); len(left) > 0 && len(left) <= len(s.Destinations) && len(left) <= mostBelow {
			card.AllBut = called(left...)
		}
		return card
	})
}

// extent is how much a safe list is, and its proof: "16 of 20 destinations,
// blocked together in trial 67".
func (r reading) extent(s Safe) string {
	extent := fmt.Sprintf("%d of %s", len(s.Destinations), count(len(r.Rows), "destination"))
	switch {
	case len(s.Destinations) == 0:
		return "Nothing"
	case len(s.Destinations) == len(r.Rows):
		extent = "Everything that was seen"
	}
	if s.Trial == 0 {
		return extent + ", though no single trial blocked all of it"
	}
	return extent + ", blocked together in " + inTrials([]int{s.Trial})
}

// left are the destinations that are not in a safe list.
func (r reading) left(s Safe) []harness.Destination {
	all := each(r.Rows, func(row Row) harness.Destination { return row.Destination.ID })
	return slices.DeleteFunc(all, func(id harness.Destination) bool { return slices.Contains(s.Destinations, id) })
}

// headingOf is the heading of a column by its id.
func (r reading) headingOf(id string) string {
	i := slices.IndexFunc(r.Columns, func(c Column) bool { return c.ID == id })
	if i < 0 {
		return id
	}
	return r.headings[i]
}
