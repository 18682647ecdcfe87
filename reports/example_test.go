package reports_test

import (
	"fmt"
	"os"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// A lamp that needs its maker's server, and no clock.
func Example() {
	server := harness.Destination{Protocol: "tcp", Port: 8883, Name: "mqtt.lamp.example"}
	clock := harness.Destination{Protocol: "udp", Port: 123, Name: "pool.ntp.org"}
	run := harness.Run{
		Status:   harness.Complete,
		Device:   harness.Device{Model: "lamp.v1"},
		Settings: harness.Settings{Faults: []harness.Fault{harness.Drop}, Regimes: []harness.Regime{harness.Steady}},
		Scenarios: []harness.ScenarioInfo{
			{Name: "switch", Title: "Required for switching?", Vantage: "lan", Checks: "whether the lamp obeys within 2 s"}},
	}
	judgement := harness.Judgement{
		Rows: []harness.Row{{Contact: harness.Contact{Destination: server}}, {Contact: harness.Contact{Destination: clock}}},
		Columns: []harness.ColumnVerdict{{
			Column:    run.Columns()[0],
			Certified: "exact",
			Cuts:      []harness.Cut{{ID: "c1", Destinations: []harness.Destination{server}, Trials: []int{2}}},
			Cells: map[harness.Destination]harness.Cell{
				server: {Verdict: harness.Required, Cuts: []string{"c1"}, Trials: []int{2}},
				clock:  {Verdict: harness.Optional, Trials: []int{3}},
			},
		}},
	}

	if err := reports.Render(os.Stdout, "text", reports.NewReport(run, judgement)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// lamp.v1
	// It is not known yet how many of the 2 destinations you can block at once. Switch needs one
	// lamp.example server.
	// 0 trials and 0 controls in 0 s; complete; every cell is decided
	//
	//                                             Required
	//                                             for
	// Address  Host               Service         switching?
	// ───────  ─────────────────  ──────────────  ──────────
	//          mqtt.lamp.example  tcp/8883 MQTTS  ● required
	//          pool.ntp.org       udp/123 NTP     ○ optional
	//
	// ● required: breaks without it   ○ optional: works without it
	//
	// switch: Required for switching?
	//   mqtt.lamp.example on tcp/8883 is required (trial 2).
	//   Certified exact: if blocking more never repairs the device, no other cut exists.
	//
	// What these verdicts rest on
	//   switch checks whether the lamp obeys within 2 s, from the home network.
	//   Blocked by drop (no answer); judged in the steady state.
	//   One trial was enough for an answer: no chance failure was allowed for.
}
