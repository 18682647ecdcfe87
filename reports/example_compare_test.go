package reports_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// After an update of its firmware, a lamp needs its maker's server.
func ExampleCompare() {
	column := reports.Column{ID: "switch", Scenario: "switch", Title: "Required for switching?", Regime: harness.Steady, Fault: harness.Drop}
	server := reports.Destination{ID: harness.Destination{Protocol: "tcp", Port: 8883, Name: "mqtt.lamp.example"}, Host: "mqtt.lamp.example"}
	lamp := func(verdict harness.Verdict, cuts ...reports.Cut) reports.Matrix {
		return reports.Matrix{
			Columns: []reports.Column{column},
			Rows:    []reports.Row{{Destination: server, Cells: map[string]reports.Cell{"switch": {Verdict: verdict}}}},
			Cuts:    cuts,
		}
	}
	before := lamp(harness.Optional)
	after := lamp(harness.Required, reports.Cut{ID: "c1", Column: "switch", Destinations: []harness.Destination{server.ID}, Trials: []int{2}})

	comparison := reports.Compare(before, after)
	fmt.Println(comparison.Worse())
	fmt.Println(comparison.Columns[0].Grown[0].Destinations)
	// Output:
	// true
	// [tcp/8883/mqtt.lamp.example]
}

// A page of a matrix, to be looked at in any browser.
func ExampleHTML() {
	var page strings.Builder
	matrix := reports.New(harness.Run{Device: harness.Device{Model: "lamp.v1"}}, harness.Judgement{})
	if err := reports.HTML(&page, reports.Report{Matrix: matrix}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Contains(page.String(), "<h1><bdi>lamp.v1</bdi></h1>"))
	// Output: true
}

// One gauge a cell, for a monitoring system.
func ExampleOpenMetrics() {
	matrix := reports.Matrix{
		Device:  reports.Device{Model: "lamp.v1"},
		Run:     reports.Run{Status: harness.Complete},
		Columns: []reports.Column{{ID: "switch", Scenario: "switch", Regime: harness.Steady}},
		Rows: []reports.Row{{
			Destination: reports.Destination{ID: harness.Destination{Protocol: "udp", Port: 123, Name: "pool.ntp.org"}},
			Cells:       map[string]reports.Cell{"switch": {Verdict: harness.Required, Confidence: 1}},
		}},
	}
	var text strings.Builder
	if err := reports.OpenMetrics(&text, matrix); err != nil {
		fmt.Println(err)
	}
	fmt.Fprintln(os.Stdout, strings.Split(text.String(), "\n")[2])
	// Output: needwant_required{device="lamp.v1",destination="udp/123/pool.ntp.org",scenario="switch",regime="steady"} 1
}
