package policy_test

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// seen is a destination of a matrix in one line: its id, its addresses, and the
// verdicts of the columns app and home.
type seen struct {
	id, addresses string
	app, home     harness.Verdict
}

const (
	required    = harness.Required
	alternative = harness.Alternative
	optional    = harness.Optional
)

// fan has one destination for everything that an export has to care for.
func fan() []seen {
	return []seen{
		{"tcp/443/api.fan.example", "203.0.113.1 2001:db8::1", required, optional},
		{"tcp/443/log.fan.example", "203.0.113.2", optional, optional},
		{"tcp/443/example.net", "203.0.113.3", optional, optional},                 // something needed lies below it
		{"tcp/8883/mqtt.example.net", "203.0.113.4", required, required},           // and this is it
		{"tcp/80/api.fan.example", "203.0.113.1", optional, optional},              // a name that is needed on another port
		{"tcp/443/cdn.fan.example", "203.0.113.1 203.0.113.5", optional, optional}, // shares an address and port
		{"udp/53/198.51.100.53", "198.51.100.53", optional, optional},
		{"udp/53/resolver", "192.168.50.1", optional, optional},
		{"udp/123/com", "203.0.113.6", optional, optional}, // a name that stands for many
		{"udp/123/co.nz", "203.0.113.7", optional, optional},
		{"udp/123/192.0.2.33", "192.0.2.33", alternative, optional},
		{"udp/123/time.fan.example", "192.0.2.34", alternative, optional},
		{"udp/123/2001:db8::35", "2001:db8::35", alternative, optional},
		{"udp/8053/never.fan.example", "", optional, optional}, // never had an address
	}
}

// safe is what the fan can do without, for both columns and for home alone.
func safe() []harness.Destination {
	var safe []harness.Destination
	for _, s := range fan() {
		if s.app == optional || s.app == alternative && !strings.Contains(s.id, "192.0.2.33") {
			safe = append(safe, destination(s.id))
		}
	}
	return safe
}

func destination(id string) harness.Destination {
	d, err := harness.ParseDestination(id)
	Expect(err).NotTo(HaveOccurred())
	return d
}

func matrix(rows ...seen) reports.Matrix {
	m := reports.Matrix{
		Device: reports.Device{Name: "fan", Model: "zhimi.fan.v3", Firmware: "2.0.8"},
		Run:    reports.Run{ID: "RUN1", Started: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Status: harness.Complete, Horizon: 90},
		Columns: []reports.Column{
			{ID: "app", Scenario: "app", Title: "Required for Native App?", Regime: harness.Steady, Fault: harness.Reject, Certified: "exact"},
			{ID: "home", Scenario: "home", Title: "Required for HASS?", Regime: harness.Steady, Fault: harness.Reject, Certified: "exact"},
		},
	}
	var group []harness.Destination
	for _, s := range rows {
		m.Rows = append(m.Rows, row(s))
		if s.app == alternative {
			group = append(group, destination(s.id))
		}
	}
	m.Cuts = []reports.Cut{{ID: "c1", Column: "app", Destinations: group, Trials: []int{7}}}
	all := []harness.Destination{}
	for _, s := range rows {
		if s.home != required {
			all = append(all, destination(s.id))
		}
	}
	m.Safe = []reports.Safe{
		{Columns: []string{"app"}, Destinations: safe(), Trial: 9},
		{Columns: []string{"home"}, Destinations: all, Trial: 3},
		{Columns: []string{"app", "home"}, Destinations: safe(), Trial: 9},
	}
	return m
}

func row(s seen) reports.Row {
	id := destination(s.id)
	d := reports.Destination{ID: id, Host: id.Host(), Addresses: strings.Fields(s.addresses)}
	return reports.Row{Destination: d, Cells: map[string]reports.Cell{"app": {Verdict: s.app}, "home": {Verdict: s.home}}}
}

// at is the fan's place at home.
func at() policy.Device {
	mac, err := net.ParseMAC("7c:49:eb:00:00:01")
	Expect(err).NotTo(HaveOccurred())
	return policy.Device{MAC: mac, Addresses: []netip.Addr{netip.MustParseAddr("192.168.50.10"), netip.MustParseAddr("fd00:50::10")}}
}

func made(m reports.Matrix, options policy.Options) policy.Policy {
	p, err := policy.New(m, options)
	Expect(err).NotTo(HaveOccurred())
	return p
}

// written is an export; ok is false where the language cannot say such a thing.
func written(format policy.Format, p policy.Policy) (policy.Export, bool) {
	export, err := format.Export(p)
	if err != nil {
		Expect(err).To(MatchError(ContainSubstring("choose --policy")))
	}
	return export, err == nil
}

func export(name string, p policy.Policy) policy.Export {
	format, err := policy.Find(name)
	Expect(err).NotTo(HaveOccurred())
	export, err := format.Export(p)
	Expect(err).NotTo(HaveOccurred())
	return export
}

func ids(destinations []policy.Destination) []string {
	var ids []string
	for _, d := range destinations {
		ids = append(ids, d.ID.String())
	}
	slices.SortFunc(ids, cmp.Compare[string])
	return ids
}
