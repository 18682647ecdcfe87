package reports_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// home is a simulated camera with twenty destinations and three scenarios, for
// reports that are the size of real ones. As a lane it answers trials at once,
// in a time of its own.
type home struct{ now time.Time }

// The first host that answers to an action, a stream and the time is enough,
// each in a way of its own.
func works(reached func(string) bool) map[string]bool {
	clock := reached("0.pool.ntp.org") || reached("1.pool.ntp.org") || reached("time.windows.com") || reached("203.0.113.123")
	stream := reached("relay-eu.camera.example") || reached("relay-us.camera.example")
	return map[string]bool{
		"native_app": reached("api.camera.example") && clock,
		"hass":       true,
		"remote":     reached("api.camera.example") && reached("push.camera.example") && stream && clock,
	}
}

func homeHosts() []string {
	return []string{
		"tcp/443/api.camera.example", "tcp/443/firmware.camera.example", "tcp/443/telemetry.camera.example",
		"tcp/443/telemetry2.camera.example", "tcp/443/log-upload-eu-central-1.s3.eu-central-1.amazonaws.com",
		"tcp/443/app-measurement.example", "tcp/443/ads.tracker.example", "tcp/443/geo.camera.example",
		"tcp/8883/push.camera.example", "tcp/8883/push-fallback.camera.example",
		"udp/3478/relay-eu.camera.example", "udp/3478/relay-us.camera.example",
		"tcp/80/connectivity-check.example", "tcp/80/ocsp.authority.example",
		"udp/123/0.pool.ntp.org", "udp/123/1.pool.ntp.org", "udp/123/time.windows.com", "udp/123/203.0.113.123",
		"udp/53/8.8.8.8", "udp/8053/ot.io.mi.com",
	}
}

func (h *home) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	names := map[string]bool{}
	for _, d := range trial.Block {
		names[d.Name] = true
	}
	reached := func(name string) bool { return !names[name] }
	held := 1400 * time.Millisecond
	result := harness.Result{Trial: trial, Lane: 1, Started: h.now, Held: held, Duration: held + 600*time.Millisecond, Recovered: true, Outcomes: map[string]harness.Outcome{}}
	for i, id := range homeHosts() {
		d := destination(id)
		if fallback(d) && reached("push.camera.example") || rare(d) && !trial.Control() {
			continue
		}
		contact := harness.Contact{Destination: d, First: h.now, Last: h.now.Add(held), Tries: 3 + i%5, Answered: reached(d.Name)}
		if d.Host() != "" {
			contact.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)})}
		}
		if !contact.Answered {
			contact.Attempts, contact.Touched = contact.Tries, contact.Tries
		}
		result.Seen.Contacts = append(result.Seen.Contacts, contact)
	}
	for name, ok := range works(reached) {
		result.Outcomes[name] = harness.Outcome{Answer: harness.Pass}
		if !ok {
			result.Outcomes[name] = harness.Outcome{Answer: harness.Fail, Why: "no answer to get_status within 2 s"}
		}
	}
	h.now = h.now.Add(result.Duration)
	return result, ctx.Err()
}

// fallback tells of what is only contacted while another host is blocked.
func fallback(d harness.Destination) bool { return d.Name == "push-fallback.camera.example" }

// rare tells of what is contacted so seldom that no trial ever blocks it at
// work.
func rare(d harness.Destination) bool { return d.Name == "geo.camera.example" }

type forgetful struct{}

func (forgetful) Append(harness.Result) error { return nil }

// twenty is the report of a whole experiment on the home.
func twenty() reports.Report {
	GinkgoHelper()
	started := time.Date(2026, 5, 6, 19, 30, 0, 0, time.UTC)
	lane := &home{now: started}
	experiment := harness.Experiment{
		Run: harness.Run{
			ID: "01HXHOME", Started: started,
			Device: harness.Device{Name: "porch", Model: "example.camera.v3", Firmware: "4.1.9_0211"},
			Settings: harness.Settings{
				Source: "camera.yaml", Driver: "ipset", Order: "exact", Seed: 1, Lanes: 1,
				Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady},
				Kept: []string{"dhcp", "dns"}, Settle: 1200 * time.Millisecond,
			},
			Scenarios: []harness.ScenarioInfo{
				{Name: "native_app", Title: "Required for Native App?", Vantage: "gateway", Checks: "one read and one action over the local protocol"},
				{Name: "hass", Title: "Required for HASS?", Vantage: "lan", Checks: "the state of the entity in Home Assistant"},
				{Name: "remote", Title: "Required from afar?", Vantage: "host", Checks: "a live picture through the vendor's cloud"},
			},
		},
		Lanes: []harness.Lane{lane}, Journal: forgetful{},
	}
	Expect(experiment.Do(context.Background())).To(Succeed())
	experiment.Run.Duration = lane.now.Sub(started)
	return reports.NewReport(experiment.Run, harness.Judge(experiment.Run))
}

// crowd is the report of 1,000 trials on 300 destinations, as scattered as can
// be: each trial blocks a half of its own.
func crowd() reports.Report {
	run, judgement := s50()
	run.Scenarios = append(run.Scenarios, harness.ScenarioInfo{Name: "remote", Title: "Required from afar?", Vantage: "host"})
	judgement.Columns = append(judgement.Columns, harness.ColumnVerdict{Column: run.Columns()[2]})
	run.Results, judgement.Rows = nil, nil
	for i := range 300 {
		judgement.Rows = append(judgement.Rows, harness.Row{FirstSeen: "control", Contact: harness.Contact{
			Destination: destination(fmt.Sprintf("tcp/443/host-%03d.region-%d.cloud.example", i, i%7)),
			Addresses:   []netip.Addr{netip.AddrFrom4([4]byte{198, 51, byte(i / 250), byte(i % 250)})},
			First:       run.Started, Last: run.Started.Add(time.Hour), Tries: 1000 + i, Attempts: 500,
		}})
	}
	half := crowdHalves(judgement.Rows)
	for n := range 1000 {
		result := harness.Result{
			Trial:    harness.Trial{Number: n + 1, Block: half(), Fault: harness.Reject, Regime: harness.Steady, Reason: "halve"},
			Started:  run.Started.Add(time.Duration(n) * 3 * time.Second),
			Held:     2 * time.Second,
			Outcomes: map[string]harness.Outcome{"native_app": {Answer: harness.Pass}, "hass": {Answer: harness.Fail, Why: "the entity went unavailable"}, "remote": {Answer: harness.Fail, Why: "no picture within 5 s"}},
		}
		for i, d := range result.Trial.Block {
			result.Seen.Contacts = append(result.Seen.Contacts, harness.Contact{Destination: d, Attempts: (i + n) % 4})
		}
		run.Results = append(run.Results, result)
	}
	crowdVerdicts(&judgement)
	return reports.NewReport(run, judgement)
}

// crowdHalves are the same at each run.
func crowdHalves(rows []harness.Row) func() []harness.Destination {
	dice := rand.New(rand.NewPCG(1, 1))
	return func() []harness.Destination {
		var half []harness.Destination
		for _, row := range rows {
			if dice.IntN(2) == 0 {
				half = append(half, row.Contact.Destination)
			}
		}
		slices.SortFunc(half, harness.Destination.Compare)
		return half
	}
}

// crowdVerdicts are as wordy as verdicts on so much can be.
func crowdVerdicts(judgement *harness.Judgement) {
	var group []harness.Destination
	var all []int
	for n := range 400 {
		all = append(all, 2*n+1)
	}
	for i := range judgement.Columns {
		column := &judgement.Columns[i]
		column.Cells, column.Cuts = map[harness.Destination]harness.Cell{}, nil
		for n, row := range judgement.Rows {
			d := row.Contact.Destination
			column.Cells[d] = harness.Cell{Verdict: harness.Optional, Why: fmt.Sprintf("The device tried it while it was blocked, and all worked, in trials %v.", all), Trials: all, Attempts: 800, Confidence: 1}
			if n%3 == 0 && i == 0 {
				group = append(group, d)
				column.Cells[d] = harness.Cell{Verdict: harness.Alternative, Cuts: []string{"c1"}, Why: fmt.Sprintf("Blocked together with %v it failed.", group), Trials: all, Confidence: 1}
			}
		}
	}
	judgement.Columns[0].Cuts = []harness.Cut{{ID: "c1", Destinations: group, Trials: []int{cmp.Or(len(group), 1)}}}
}
