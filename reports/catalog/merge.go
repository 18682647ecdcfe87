package catalog

import (
	"cmp"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// Model is all the evidence on one model.
type Model struct {
	Name      string
	Evidence  []Evidence
	Scenarios []Scenario
	Rows      []Row
}

// Scenario is a column of the merged table.
type Scenario struct{ Name, Title string }

// Row is one destination, with a cell for each scenario by its name.
type Row struct {
	Destination harness.Destination
	Service     string
	Addresses   []string // all that were seen
	Cells       map[string]Cell
}

// Host is what people call the destination's host.
func (r Row) Host() string { return reports.HostName(r.Destination.Name) }

// Cell is what is known of one destination for one scenario: each verdict with
// those who found it, the gravest first.
type Cell struct {
	Claims []Claim
}

// Claim is one verdict with its witnesses.
type Claim struct {
	Verdict   harness.Verdict // "" where a run never saw the destination
	Needed    int             // for alternatives: so many of its group are needed, of so many; 0 if it is in several groups
	Of        int
	Witnesses []Witness
}

// Witness is one column of one run.
type Witness struct {
	Firmware, Region, Run, Date string
	Regime                      harness.Regime
	Fault                       harness.Fault
	Simulated                   bool
}

// Conflict reports whether two runs that decided came to different verdicts.
func (c Cell) Conflict() bool {
	decided := 0
	for _, claim := range c.Claims {
		if claim.Decided() {
			decided++
		}
	}
	return decided > 1
}

// Decided reports whether the claim is a verdict, and not an open question.
func (c Claim) Decided() bool {
	switch c.Verdict {
	case harness.Required, harness.Alternative, harness.Degraded, harness.Optional:
		return true
	}
	return false
}

// Simulated reports whether all the evidence is from the lab.
func (m Model) Simulated() bool {
	return !slices.ContainsFunc(m.Evidence, func(e Evidence) bool { return !e.Simulated })
}

// Conflicts counts the cells in conflict.
func (m Model) Conflicts() (count int) {
	for _, row := range m.Rows {
		for _, cell := range row.Cells {
			if cell.Conflict() {
				count++
			}
		}
	}
	return count
}

// Merge puts the evidence on each model together. Simulated evidence and that
// of real devices never meet: a model that has both appears twice.
func Merge(all []Evidence) []Model {
	var models []Model
	for _, e := range all {
		i := slices.IndexFunc(models, func(m Model) bool { return m.Name == e.Model && m.Simulated() == e.Simulated })
		if i < 0 {
			i, models = len(models), append(models, Model{Name: e.Model})
		}
		models[i].Evidence = append(models[i].Evidence, e)
	}
	for i := range models {
		models[i].merge()
	}
	slices.SortStableFunc(models, func(a, b Model) int { return cmp.Compare(a.Name, b.Name) })
	return models
}

func (m *Model) merge() {
	rows := map[harness.Destination]*Row{}
	for _, e := range m.Evidence {
		for _, c := range e.Columns {
			if !slices.ContainsFunc(m.Scenarios, func(s Scenario) bool { return s.Name == c.Scenario }) {
				m.Scenarios = append(m.Scenarios, Scenario{c.Scenario, c.Title})
			}
		}
		for _, d := range e.Destinations {
			if rows[d.ID] == nil {
				rows[d.ID] = &Row{Destination: d.ID, Service: d.Service, Cells: map[string]Cell{}}
			}
			rows[d.ID].Addresses = append(rows[d.ID].Addresses, d.Addresses...)
		}
	}
	for at, row := range rows {
		slices.Sort(row.Addresses)
		row.Addresses = slices.Compact(row.Addresses)
		for _, scenario := range m.Scenarios {
			row.Cells[scenario.Name] = m.cell(at, scenario.Name)
		}
		m.Rows = append(m.Rows, *row)
	}
	slices.SortFunc(m.Rows, func(a, b Row) int { return a.Destination.Compare(b.Destination) })
}

// cell collects what every run says, those that never saw the destination
// included.
func (m *Model) cell(at harness.Destination, scenario string) (cell Cell) {
	for _, e := range m.Evidence {
		for _, c := range e.Columns {
			if c.Scenario != scenario {
				continue
			}
			cell.add(e.says(at, c.ID), Witness{e.Firmware, e.Region, e.Run, e.Date, c.Regime, c.Fault, e.Simulated})
		}
	}
	slices.SortStableFunc(cell.Claims, func(a, b Claim) int { return cmp.Compare(strength(b.Verdict), strength(a.Verdict)) })
	return cell
}

func (c *Cell) add(said Claim, witness Witness) {
	for i := range c.Claims {
		claim := &c.Claims[i]
		if claim.Verdict == said.Verdict && claim.Needed == said.Needed && claim.Of == said.Of {
			claim.Witnesses = append(claim.Witnesses, witness)
			return
		}
	}
	said.Witnesses = []Witness{witness}
	c.Claims = append(c.Claims, said)
}

// says is the verdict of one column on a destination, and what its group of
// alternatives needs. It is "" if the run never saw the destination; a run that is not
// complete might have seen it later, so that it leaves that undecided.
func (e Evidence) says(id harness.Destination, column string) (claim Claim) {
	if e.Status != harness.Complete {
		claim.Verdict = harness.Undecided
	}
	for _, d := range e.Destinations {
		if d.ID == id {
			claim.Verdict = d.Verdicts[column]
		}
	}
	if claim.Verdict != harness.Alternative {
		return claim
	}
	var groups [][]harness.Destination
	for _, g := range e.Groups {
		if g.Column == column {
			groups = append(groups, g.Destinations)
		}
	}
	claim.Needed, claim.Of = reports.Needed(groups, id)
	return claim
}
