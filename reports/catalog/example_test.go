package catalog_test

import (
	"fmt"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

// Two firmwares of one lamp, which do not agree.
func ExampleMerge() {
	cloud := harness.Destination{Protocol: "tcp", Port: 443, Name: "cloud.example"}
	found := func(firmware string, verdict harness.Verdict) catalog.Evidence {
		return catalog.Evidence{
			Model: "lamp.v1", Firmware: firmware, Region: "nz",
			Columns:      []catalog.Column{{ID: "switch", Scenario: "switch", Title: "Switches?", Regime: harness.Steady, Fault: harness.Reject}},
			Destinations: []catalog.Destination{{ID: cloud, Verdicts: map[string]harness.Verdict{"switch": verdict}}},
		}
	}
	for _, model := range catalog.Merge([]catalog.Evidence{found("1.0", harness.Optional), found("2.0", harness.Required)}) {
		for _, row := range model.Rows {
			fmt.Println(model.Name, row.Destination.Name, "is", row.Cells["switch"].Sentence())
		}
	}
	// Output: lamp.v1 cloud.example is required in 1 (2.0, nz); optional in 1 (1.0, nz)
}
