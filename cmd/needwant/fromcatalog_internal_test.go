package main

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

var _ = Describe("the entry of a catalog that a run begins from", func() {
	entry := func(name, firmware, date string, scenarios ...string) catalog.Evidence {
		d := catalog.Destination{ID: harness.Destination{Protocol: harness.TCP, Port: 443, Name: "cloud.example"}, Verdicts: map[string]harness.Verdict{}}
		e := catalog.Evidence{Model: "a.b.c", Firmware: firmware, Region: "nz", Run: name, Date: date}
		for _, scenario := range scenarios {
			e.Columns = append(e.Columns, catalog.Column{ID: scenario, Scenario: scenario, Regime: harness.Steady, Fault: harness.Reject})
			d.Verdicts[scenario] = harness.Required
		}
		e.Destinations = []catalog.Destination{d}
		return e
	}
	run := harness.Run{
		Device:    harness.Device{Model: "a.b.c", Firmware: "2.0"},
		Scenarios: []harness.ScenarioInfo{{Name: "app"}, {Name: "voice"}},
		Settings:  harness.Settings{Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}},
	}
	old, fresh := entry("OLD", "1.0", "2026-01-01", "app", "voice"), entry("FRESH", "1.0", "2026-05-05", "app", "voice")
	same, little := entry("SAME", "2.0", "2025-01-01", "app"), entry("LITTLE", "1.0", "2026-08-08", "voice")
	simulated := entry("LAB", "2.0", "2026-08-08", "app", "voice")
	simulated.Simulated = true

	DescribeTable("is", func(expected string, all ...catalog.Evidence) {
		known := hypothesisFor(run, all, "catalog", false)
		Expect(known.Run).To(Equal(expected))
		Expect(known.Catalog).To(BeTrue())
		Expect(known.Source).To(HavePrefix("catalog/a.b.c/"))
	},
		Entry("of the same firmware", "SAME", old, same, fresh, little),
		Entry("else the one that says more", "OLD", little, old),
		Entry("else the newest", "FRESH", fresh, old),
		Entry("of a real device for a real device", "OLD", simulated, old),
	)

	It("is none if no entry decides a scenario of the run", func() {
		Expect(hypothesisFor(run, []catalog.Evidence{entry("OTHER", "2.0", "2026-01-01", "other"), simulated}, "catalog", false)).To(BeNil())
		Expect(hypothesisFor(run, []catalog.Evidence{old}, "catalog", true)).To(BeNil())
	})
})
