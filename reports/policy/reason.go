package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// reason says what the policy rests on, and what it does not rest on.
func (p *Policy) reason(m reports.Matrix, safe reports.Safe) {
	p.prove("Holds for %s: run %s of %s.", strings.Join(p.Columns, ", "), p.Run, m.Run.Started.Format("2006-01-02"))
	if safe.Trial > 0 && len(safe.Destinations) > 0 {
		lasted := ""
		if safe.Held > 0 {
			lasted = " for " + safe.Lasted()
		}
		p.prove("Trial %d blocked %s at once%s, and all worked.", safe.Trial, counted(len(safe.Destinations)), lasted)
	} else if len(safe.Destinations) > 0 {
		p.doubt("No single trial blocked all of this at once: run the experiment to its end.")
	}
	if m.Run.Status != harness.Complete {
		p.doubt("The run is not complete, it is: %s.", m.Run.Status)
		if p.Kind == AllowRequired {
			p.doubt("What the device contacts is blocked here if the run ended before it saw that.")
		}
	}
	if !slices.Equal(safe.Columns, p.Columns) {
		p.prove("The list is that of %s together.", strings.Join(safe.Columns, ", "))
	}
	served := func(id harness.Destination) bool { return slices.Contains(IDs(p.Served), id) }
	if len(p.Blocked) < len(slices.DeleteFunc(slices.Clone(safe.Destinations), served)) {
		p.prove("More stays open than was then, as blocking less should break nothing.")
	}
	p.reasonSeveral(m.Needs)
	p.reasonAlways()
	p.doubtEach(p.Blocked, harness.NotExercised, "is refused though the device never tried it while it was blocked; after a restart it might")
	p.doubtEach(p.Open, harness.NotExercised, "stays open: it was never tried while it was blocked")
	p.doubtEach(p.Open, harness.Degraded, "stays open: all works without it, but worse")
	p.doubtEach(p.Open, harness.Undecided, "stays open: whether it is needed is undecided")
	for _, d := range p.Open {
		if d.Fallback {
			p.doubt("%s stays open: it is contacted only while what is needed is blocked, so that no trial shows what blocking it does.", d.ID)
		}
	}
	for _, row := range m.Rows {
		for _, other := range row.Destination.Collateral {
			p.doubt("%s shares an address and port with %s: a rule by address hits both.", row.Destination.ID, short(harmless(other), 100))
		}
	}
}

// reasonSeveral says of which groups more than one is needed: most languages have no
// place to say it of each member.
func (p *Policy) reasonSeveral(needs []reports.Need) {
	var told []string
	for _, need := range needs {
		if need.AtLeast == 1 || !slices.Contains(p.Columns, need.Column) {
			continue
		}
		group := fmt.Sprintf("At least %d of these %d are needed: %s.", need.AtLeast, len(need.Of), joined(need.Of))
		if !slices.Contains(told, group) {
			told = append(told, group)
			p.prove("%s", group)
		}
	}
}

func joined(list []harness.Destination) string {
	var ids []string
	for _, d := range list {
		ids = append(ids, d.String())
	}
	return strings.Join(ids, ", ")
}

// reasonAlways says what was blocked whenever anything was judged.
func (p *Policy) reasonAlways() {
	for _, pattern := range p.Patterns {
		p.prove("The run blocked %s in every trial, in its controls too: the device was only ever seen to work without it.", pattern)
		if len(pattern.Destinations()) == 0 {
			p.doubt("%s stands for every name: block it by hand.", pattern)
		}
	}
}

func counted(n int) string {
	if n == 1 {
		return "1 destination"
	}
	return fmt.Sprintf("%d destinations", n)
}

// explain says of each alternative how many of its group are needed. If the policy
// blocks so many of the group that this one is needed, it says that.
func (p *Policy) explain(m reports.Matrix) {
	var cuts [][]harness.Destination
	for _, cut := range m.Cuts {
		if slices.Contains(p.Columns, cut.Column) && len(cut.Destinations) > 1 {
			cuts = append(cuts, cut.Destinations)
		}
	}
	blocked := IDs(p.Blocked)
	for _, list := range [][]Destination{p.Blocked, p.Open} {
		for i := range list {
			if list[i].Why == string(harness.Alternative) {
				list[i].Why = whyAlternative(list[i].ID, cuts, blocked)
			}
		}
	}
}

func whyAlternative(id harness.Destination, cuts [][]harness.Destination, blocked []harness.Destination) string {
	others := 0
	for _, cut := range cuts {
		within := slices.DeleteFunc(slices.Clone(cut), func(member harness.Destination) bool { return !slices.Contains(blocked, member) })
		if slices.Contains(cut, id) && len(within) == len(cut)-1 && !slices.Contains(within, id) {
			others = max(others, len(within))
		}
	}
	switch needed, of := reports.Needed(cuts, id); {
	case others == 1:
		return "alternative, needed as the other one is blocked"
	case others > 1:
		return fmt.Sprintf("alternative, needed as %d others are blocked", others)
	case of > 0:
		return fmt.Sprintf("alternative, %d of %d needed", needed, of)
	}
	return "alternative, in several groups"
}

func (p *Policy) doubtEach(list []Destination, why harness.Verdict, text string) {
	for _, d := range list {
		if d.Why == string(why) {
			p.doubt("%s %s.", d.label(), text)
		}
	}
}

func (p *Policy) prove(format string, args ...any) {
	p.Proof = append(p.Proof, sentence(format, args...))
}

func (p *Policy) doubt(format string, args ...any) {
	p.Doubts = append(p.Doubts, sentence(format, args...))
}
