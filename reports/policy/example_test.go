package policy_test

import (
	"fmt"
	"net"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// A lamp that works without its telemetry.
func Example() {
	log := harness.Destination{Protocol: "udp", Port: 514, Name: "log.example"}
	matrix := reports.Matrix{
		Device:  reports.Device{Name: "lamp", Model: "lamp.v1", Firmware: "1.0"},
		Run:     reports.Run{ID: "R1", Status: harness.Complete, Horizon: 90},
		Columns: []reports.Column{{ID: "switch", Scenario: "switch", Fault: harness.Reject}},
		Rows: []reports.Row{{
			Destination: reports.Destination{ID: log, Host: log.Name, Addresses: []string{"203.0.113.2"}},
			Cells:       map[string]reports.Cell{"switch": {Verdict: harness.Optional}},
		}},
		Safe: []reports.Safe{{Columns: []string{"switch"}, Destinations: []harness.Destination{log}, Trial: 3}},
	}
	mac, err := net.ParseMAC("02:00:00:00:00:07")
	if err != nil {
		panic(err)
	}
	p, err := policy.New(matrix, policy.Options{Kind: policy.BlockOptional, Device: policy.Device{MAC: mac}})
	if err != nil {
		panic(err)
	}
	format, err := policy.Find("hosts")
	if err != nil {
		panic(err)
	}
	export, err := format.Export(p)
	if err != nil {
		panic(err)
	}
	fmt.Print(export.Text)
	// Output:
	// # needwant: block-optional for lamp (lamp.v1 1.0)
	// # Holds for switch: run R1 of 0001-01-01.
	// # Trial 3 blocked 1 destination at once, and all worked.
	// # Not expressed by the format hosts:
	// # - Names have no ports: a name is blocked on all of them.
	// # - It applies to every device that uses this server, not only to this one.
	// # - An address that the device has built in, or got from another name server, is not affected.
	// # - The run blocked by reject: a device may react to a missing name in another way.
	//
	// 0.0.0.0 log.example
}
