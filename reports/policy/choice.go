package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// chosen lists the ids of the columns that a scenario's name or a column's id
// means; "" means all.
func chosen(m reports.Matrix, scenario string) ([]string, error) {
	var ids, names []string
	for _, column := range m.Columns {
		if scenario == "" || scenario == column.Scenario || scenario == column.ID {
			ids = append(ids, column.ID)
		}
		names = append(names, column.ID)
	}
	if len(names) == 0 {
		return nil, errors.New("the run has no scenarios: there is nothing to make a policy of")
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the run has no scenario %q: choose one of %s", scenario, harmless(strings.Join(names, ", ")))
	}
	return ids, nil
}

// provedFor is the largest list that was proved safe for at least these
// columns: that of exactly these where there is one, else of the fewest more.
func provedFor(m reports.Matrix, columns []string) (best reports.Safe, err error) {
	found := false
	for _, safe := range m.Safe {
		if !containsAll(safe.Columns, columns) {
			continue
		}
		if !found || len(safe.Columns) < len(best.Columns) {
			best, found = safe, true
		}
	}
	if !found {
		return best, fmt.Errorf("the run proves no safe list for %s: it is %s", harmless(strings.Join(columns, ", ")), m.Run.Status)
	}
	return best, nil
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// role is what a destination is to some columns.
type role struct {
	alternative bool
	why         string
}

// roleOf joins the verdicts of the columns: what one of them needs is needed, and
// what makes one of them worse is not one alternative among others.
func roleOf(m reports.Matrix, columns []string, row reports.Row) role {
	var verdicts []harness.Verdict
	for _, column := range columns {
		verdicts = append(verdicts, row.Cells[column].Verdict)
	}
	for _, verdict := range []harness.Verdict{harness.Required, harness.Degraded, harness.Alternative, harness.Undecided, harness.NotExercised} {
		if !slices.Contains(verdicts, verdict) {
			continue
		}
		if verdict == harness.Alternative {
			return role{true, fmt.Sprintf("alternative, 1 of %d needed", groupSize(m, columns, row.Destination.ID))}
		}
		return role{why: string(verdict)}
	}
	return role{why: string(harness.Optional)}
}

// groupSize is the size of the smallest group that the destination is in.
func groupSize(m reports.Matrix, columns []string, id string) int {
	size := 0
	for _, cut := range m.Cuts {
		if slices.Contains(columns, cut.Column) && slices.Contains(cut.Destinations, id) && (size == 0 || len(cut.Destinations) < size) {
			size = len(cut.Destinations)
		}
	}
	return size
}

// fault is how rules should refuse: as the run did. Where it withheld names
// they reject, which it did with bare addresses.
func fault(m reports.Matrix, columns []string) harness.Fault {
	for _, column := range m.Columns {
		if slices.Contains(columns, column.ID) && column.Fault != harness.Drop {
			return harness.Reject
		}
	}
	return harness.Drop
}

// reason says what the policy rests on, and what it does not rest on.
func (p *Policy) reason(m reports.Matrix, options Options, safe reports.Safe) {
	p.Proof = append(p.Proof, fmt.Sprintf("Holds for %s; run %s of %s, held for %.3g s at most.",
		harmless(strings.Join(p.Columns, ", ")), harmless(p.Run), m.Run.Started.Format("2006-01-02"), m.Run.Horizon))
	if safe.Trial > 0 {
		p.Proof = append(p.Proof, fmt.Sprintf("Trial %d blocked %s at once, and all worked.", safe.Trial, counted(safe.Destinations)))
	} else if len(safe.Destinations) > 0 {
		p.doubt("No single trial blocked all of this at once: run the experiment to its end.")
	}
	if m.Run.Status != harness.Complete {
		p.doubt("The run is not complete, it is: %s.", m.Run.Status)
	}
	if !slices.Equal(safe.Columns, p.Columns) {
		p.Proof = append(p.Proof, fmt.Sprintf("The list is that of %s together.", harmless(strings.Join(safe.Columns, ", "))))
	}
	if len(p.Blocked) < len(safe.Destinations) {
		p.Proof = append(p.Proof, "More stays open than was then, as blocking less should break nothing.")
	}
	p.doubtEach(p.Blocked, string(harness.NotExercised), "is refused though the device never tried it while it was blocked; after a restart it might")
	p.doubtEach(p.Open, string(harness.NotExercised), "stays open: it was never tried while it was blocked")
	p.doubtEach(p.Open, string(harness.Degraded), "stays open: all works without it, but worse")
	p.doubtEach(p.Open, string(harness.Undecided), "stays open: whether it is needed is undecided")
	for _, row := range m.Rows {
		for _, other := range row.Destination.Collateral {
			p.doubt("%s shares an address and port with %s: a rule by address hits both.", harmless(row.Destination.ID), short(harmless(other), 100))
		}
	}
	if options.Device.placeholder() {
		p.doubt("FILL IN the device: its MAC address or its own addresses are placeholders here.")
	}
}

func counted(destinations []string) string {
	if len(destinations) == 1 {
		return "1 destination"
	}
	return fmt.Sprintf("%d destinations", len(destinations))
}

func (p *Policy) doubtEach(list []Destination, why, text string) {
	for _, d := range list {
		if d.Why == why {
			p.doubt("%s %s.", d.label(), text)
		}
	}
}

func (p *Policy) doubt(format string, args ...any) {
	p.Doubts = append(p.Doubts, fmt.Sprintf(format, args...))
}
