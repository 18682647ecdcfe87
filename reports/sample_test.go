package reports_test

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// s50 is the run of the forum's vacuum cleaner, and what was judged of it.
func s50() (harness.Run, harness.Judgement) {
	run := harness.Run{
		ID: "01HXS50", Started: time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC),
		Duration: 24_187 * time.Millisecond, Status: harness.Complete,
		Device: harness.Device{Model: "roborock.vacuum.s5", Firmware: "3.5.8_002034"},
		Settings: harness.Settings{
			Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady},
			Lanes: 1, Kept: []string{"dhcp", "dns"}, Settle: time.Second,
		},
		Scenarios: []harness.ScenarioInfo{
			{Name: "native_app", Title: "Required for Native App?", Vantage: "gateway", Checks: "one read and one action over the miIO local protocol"},
			{Name: "hass", Title: "Required for HASS?", Vantage: "lan", Checks: "the state of the entity in Home Assistant"},
		},
	}
	for number := range 9 {
		result := harness.Result{
			Trial: harness.Trial{Number: number + 1, Fault: harness.Reject, Regime: harness.Steady, Reason: "control"},
			Held:  30 * time.Second, Started: run.Started.Add(time.Duration(number) * 2500 * time.Millisecond),
			Outcomes: map[string]harness.Outcome{"native_app": {Answer: harness.Pass}, "hass": {Answer: harness.Pass}},
		}
		if number >= 2 {
			result.Trial.Block, result.Trial.Reason = vacuumHosts()[number-2:], "halve"
			result.Held = time.Duration(number) * 200 * time.Millisecond
			result.Seen.Contacts = []harness.Contact{{Destination: vacuumHosts()[number-2], Attempts: 3}}
		}
		if number == 2 || number == 4 {
			result.Outcomes["native_app"] = harness.Outcome{Answer: harness.Fail, Why: "no answer to get_status within 2 s"}
		}
		if number == 7 {
			result.Suspect = "messages lost"
			result.Outcomes["hass"] = harness.Outcome{Answer: harness.Inconclusive, Why: "the controller restarted"}
		}
		run.Results = append(run.Results, result)
	}
	return run, judged(run)
}

func judged(run harness.Run) harness.Judgement {
	cloud, spare := vacuumHosts()[0], vacuumHosts()[1]
	clocks := []harness.Destination{}
	var rows []harness.Row
	app := harness.ColumnVerdict{Column: run.Columns()[0], Certified: "exact", FalseFail: 0.05, FalsePass: 0.005, Cells: map[harness.Destination]harness.Cell{}}
	hass := harness.ColumnVerdict{Column: run.Columns()[1], Certified: "exact", FalseFail: 0.05, FalsePass: 0.005, Cells: map[harness.Destination]harness.Cell{}}
	for i, d := range vacuumHosts() {
		contact := harness.Contact{Destination: d}
		if address := vacuumAddresses()[i]; address != "" {
			contact.Addresses = []netip.Addr{netip.MustParseAddr(address)}
		}
		rows = append(rows, harness.Row{Contact: contact, FirstSeen: "control"})
		hass.Cells[d] = harness.Cell{Verdict: harness.Optional, Why: "It works with all blocked.", Trials: []int{3}, Attempts: 9, Confidence: 0.9989}
		if d.Port == 123 {
			clocks = append(clocks, d)
			app.Cells[d] = harness.Cell{Verdict: harness.Alternative, Cuts: []string{"c2"}, Why: "At least one of 5 is needed.", Trials: []int{6, 9}, Attempts: 6, Confidence: 0.999}
		}
	}
	app.Cells[cloud] = harness.Cell{Verdict: harness.Required, Cuts: []string{"c1"}, Why: "It fails when only this is blocked.", Trials: []int{4}, Attempts: 12, Confidence: 0.99996}
	app.Cells[spare] = harness.Cell{Verdict: harness.Optional, Why: "It works with this blocked.", Trials: []int{8}, Attempts: 3, Confidence: 1}
	app.Cuts = []harness.Cut{
		{ID: "c1", Destinations: []harness.Destination{cloud}, Trials: []int{4}},
		{ID: "c2", Destinations: clocks, Trials: []int{6}},
	}
	all := slices.Clone(vacuumHosts())
	most := append([]harness.Destination{spare}, clocks[1:]...)
	return harness.Judgement{
		Rows: rows, Columns: []harness.ColumnVerdict{app, hass},
		Safe: []harness.SafeList{
			{Columns: []string{"native_app"}, Destinations: most, Trial: 8},
			{Columns: []string{"hass"}, Destinations: all, Trial: 3},
			{Columns: []string{"native_app", "hass"}, Destinations: most, Trial: 9},
		},
	}
}

func vacuumHosts() []harness.Destination {
	return []harness.Destination{
		destination("tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com"),
		destination("tcp/443/ec2-52-29-158-79.eu-central-1.compute.amazonaws.com"),
		destination("udp/123/61.161.155.29"),
		destination("udp/123/news.neu.edu.cn"),
		destination("udp/123/timeball3.its.waikato.ac.nz"),
		destination("udp/123/cat-prod-time1.catalyst.net.nz"),
		destination("udp/123/time.unleash.net.nz"),
	}
}

func vacuumAddresses() []string {
	return []string{"18.194.236.76", "52.29.158.79", "", "202.118.1.81", "130.217.226.51", "202.78.240.38", "202.6.116.123"}
}

func destination(id string) harness.Destination {
	d, err := harness.ParseDestination(id)
	if err != nil {
		panic(err)
	}
	return d
}

// open is a run that shows every verdict, and all that can be said of a
// destination or left unsaid.
func open() (harness.Run, harness.Judgement) {
	run := harness.Run{
		ID: "01HXOPEN", Started: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Duration: 2*time.Hour + 5*time.Minute,
		Status: harness.OverBudget, Why: "60 trials", Device: harness.Device{Name: "hall", Model: "zhimi.airpurifier.v7"},
		Settings: harness.Settings{
			Faults:  []harness.Fault{harness.Reject, harness.Drop},
			Regimes: []harness.Regime{harness.Steady, harness.ColdBoot}, Lanes: 4,
		},
		Scenarios: []harness.ScenarioInfo{{Name: "remote", Title: "Works from afar?", Vantage: "host"}},
		Results:   []harness.Result{{Trial: harness.Trial{Block: []harness.Destination{destination("udp/53/resolver")}}, Held: 125 * time.Second}},
	}
	verdicts := []harness.Verdict{harness.Required, harness.Degraded, harness.NotExercised, harness.Undecided, harness.Optional}
	names := []string{"tcp/443/cloud.example", "tcp/8883/2001:db8::7", "udp/8053/ot.io.mi.com", "udp/53/resolver", "udp/40000/spare.example"}
	judgement := harness.Judgement{}
	for _, column := range run.Columns() {
		judgement.Columns = append(judgement.Columns, harness.ColumnVerdict{Column: column, Certified: "order 2", Cells: map[harness.Destination]harness.Cell{}})
	}
	for i, id := range names {
		row := harness.Row{Contact: harness.Contact{Destination: destination(id)}, FirstSeen: "control"}
		for _, column := range judgement.Columns {
			column.Cells[row.Contact.Destination] = harness.Cell{Verdict: verdicts[i], Why: fmt.Sprintf("Trial %d says so.", i), Trials: []int{i}, Confidence: 0.5}
		}
		judgement.Rows = append(judgement.Rows, row)
	}
	judgement.Rows[0].Contact.Collateral = []string{"log.example"}
	judgement.Rows[2].Contact.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1234:5678:9abc:def0")}
	judgement.Rows[4].FirstSeen = "trial 7"
	judgement.Columns[3].Certified = "none"
	judgement.Columns[0].Cuts = []harness.Cut{{ID: "c1", Destinations: []harness.Destination{destination(names[0])}, Trials: []int{1, 2}}}
	judgement.Columns[0].Unknown = []harness.Unknown{{Why: "blocking more repaired it, in trials 4 and 5", Destinations: []harness.Destination{destination(names[3])}}}
	judgement.Safe = []harness.SafeList{{Columns: []string{"remote@steady/reject"}, Destinations: nil}}
	return run, judgement
}

func sample() reports.Matrix    { return reports.New(s50()) }
func unsettled() reports.Matrix { return reports.New(open()) }

// failed is a run that stopped at its first control.
func failed() reports.Matrix { return reports.New(broken(), harness.Judgement{}) }

func broken() harness.Run {
	return harness.Run{
		Status: harness.Failed, Why: "native_app: no answer to get_status within 2 s.",
		Results: []harness.Result{{}}, Duration: 3 * time.Second,
	}
}
