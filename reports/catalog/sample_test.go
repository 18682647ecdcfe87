package catalog_test

import (
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/catalog"
)

// lamp is a run of a lamp on some firmware, with what its cloud turned out to be.
func lamp(id, firmware string, cloud harness.Verdict) (harness.Run, reports.Matrix) {
	run := harness.Run{ID: id, Device: harness.Device{Name: "lamp", Model: "lamp.v1", Firmware: firmware}}
	m := reports.Matrix{
		Device: reports.Device(run.Device),
		Run:    reports.Run{ID: id, Started: time.Date(2024, 5, 6, 23, 59, 0, 0, time.UTC), Status: harness.Complete, Trials: 12, Horizon: 90},
		Columns: []reports.Column{
			{ID: "native_app", Scenario: "native_app", Title: "Required for Native App?", Regime: harness.Steady, Fault: harness.Reject, Certified: "exact"},
			{ID: "party", Scenario: "party", Title: "Blinks to music? <b>", Regime: harness.ColdBoot, Fault: harness.Drop, Certified: "order 2"},
		},
		Rows: []reports.Row{
			contacted("tcp/443/cloud.lamp.example", "203.0.113.1", cloud),
			contacted("udp/123/ntp1.lamp.example", "203.0.113.2", harness.Alternative),
			contacted("udp/123/ntp2.lamp.example", "203.0.113.3", harness.Alternative),
		},
		Cuts: []reports.Cut{{ID: "c1", Column: "native_app", Destinations: []harness.Destination{destination("udp/123/ntp1.lamp.example"), destination("udp/123/ntp2.lamp.example")}}},
	}
	return run, m
}

func contacted(id, address string, verdict harness.Verdict) reports.Row {
	at := destination(id)
	return reports.Row{
		Destination: reports.Destination{ID: at, Host: at.Host(), Addresses: []string{address}, Protocol: at.Protocol, Port: at.Port, Service: at.Service()},
		Cells:       map[string]reports.Cell{"native_app": {Verdict: verdict}, "party": {Verdict: harness.Optional}},
	}
}

// evidence is that of a lamp in some region.
func evidence(id, firmware, region string, cloud harness.Verdict) catalog.Evidence {
	run, m := lamp(id, firmware, cloud)
	e, err := catalog.New(run, m, region)
	Expect(err).NotTo(HaveOccurred())
	return e
}

func destination(id string) harness.Destination {
	d, err := harness.ParseDestination(id)
	Expect(err).NotTo(HaveOccurred())
	return d
}
