package applied_test

import (
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
	"github.com/needwant/needwant/reports"
)

// truth is the matrix that a perfect experiment on a world comes to: what the
// world's expressions say, which the experiment itself never sees.
func truth(world lab.World) reports.Matrix {
	m := reports.Matrix{
		Device: reports.Device{Name: world.Name, Model: world.Device.Model, Firmware: world.Device.Firmware},
		Run:    reports.Run{ID: "truth", Started: time.Unix(0, 0), Status: harness.Complete},
	}
	for _, id := range world.IDs() {
		m.Rows = append(m.Rows, row(world.Destinations[id]))
	}
	var cuts [][]string
	for _, scenario := range world.Scenarios {
		expected, err := labtest.Expect(world, scenario, labtest.Steady)
		Expect(err).NotTo(HaveOccurred())
		m.Columns = append(m.Columns, reports.Column{ID: scenario, Scenario: scenario, Fault: harness.Reject})
		for _, row := range m.Rows {
			row.Cells[scenario] = reports.Cell{Verdict: harness.Verdict(expected.Verdicts[row.Destination.ID.String()])}
		}
		for _, cut := range expected.Cuts {
			m.Cuts = append(m.Cuts, reports.Cut{ID: fmt.Sprintf("c%d", len(m.Cuts)+1), Column: scenario, Destinations: parsed(cut)})
		}
		cuts = append(cuts, expected.Cuts...)
	}
	m.Safe = []reports.Safe{{Columns: world.Scenarios, Destinations: largest(m.Rows, cuts), Trial: 1}}
	return m
}

func row(d lab.Destination) reports.Row {
	row := reports.Row{
		Destination: reports.Destination{ID: parsed([]string{d.ID()})[0], Host: d.Host},
		Cells:       map[string]reports.Cell{},
	}
	for _, address := range d.Addresses {
		row.Destination.Addresses = append(row.Destination.Addresses, address.String())
	}
	return row
}

func parsed(ids []string) (all []harness.Destination) {
	for _, id := range ids {
		d, err := harness.ParseDestination(id)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, d)
	}
	return all
}

// largest is a set that holds no cut, and would with any one more.
func largest(rows []reports.Row, cuts [][]string) []harness.Destination {
	safe := []harness.Destination{}
	for _, row := range rows {
		with := append(slices.Clone(safe), row.Destination.ID)
		breaks := func(cut []string) bool {
			return !slices.ContainsFunc(parsed(cut), func(id harness.Destination) bool { return !slices.Contains(with, id) })
		}
		if !slices.ContainsFunc(cuts, breaks) {
			safe = with
		}
	}
	return safe
}

// nameless forgets the addresses that names had, as if the device had never
// been seen to use them.
func nameless(m reports.Matrix) reports.Matrix {
	m.Rows = slices.Clone(m.Rows)
	for i := range m.Rows {
		if m.Rows[i].Destination.Host != "" {
			m.Rows[i].Destination.Addresses = nil
		}
	}
	return m
}
