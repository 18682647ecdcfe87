package reports_test

import (
	"bytes"
	"encoding/json"
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a row that stands for more than one destination", func() {
	wide := func() reports.Report {
		run, judgement := s50()
		for i, id := range []string{"icmp/echo/203.0.113.50", "udp/*/203.0.113.51", "tcp/443/*.data.example"} {
			d := destination(id)
			judgement.Rows = append(judgement.Rows, harness.Row{Contact: harness.Contact{Destination: d, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(50 + i)})}}, FirstSeen: "control"})
			for _, column := range judgement.Columns {
				column.Cells[d] = harness.Cell{Verdict: harness.Optional, Why: "It works."}
			}
		}
		return reports.NewReport(run, judgement)
	}
	shown := map[string][]string{
		"text":        {"icmp/echo ping", "udp/*  ", "*.data.example", "tcp/443 HTTPS"},
		"md":          {`| 203.0.113.50 |  | ICMP | echo | ping |`, `| 203.0.113.51 |  | UDP | \* |  |`, `| 203.0.113.52 | \*.data.example | TCP | 443 | HTTPS |`},
		"html":        {"icmp/echo ping", "udp/*", "*.data."},
		"csv":         {"203.0.113.50,,ICMP,echo,ping", "203.0.113.51,,UDP,*,", "203.0.113.52,*.data.example,TCP,443,HTTPS"},
		"json":        {`"id": "icmp/echo/203.0.113.50"`, `"id": "udp/*/203.0.113.51"`, `"id": "tcp/443/*.data.example"`},
		"junit":       {`name="icmp/echo/203.0.113.50"`, `name="udp/*/203.0.113.51"`, `name="tcp/443/*.data.example"`},
		"openmetrics": {`destination="icmp/echo/203.0.113.50"`, `destination="udp/*/203.0.113.51"`, `destination="tcp/443/*.data.example"`},
	}

	for _, format := range reports.Formats() {
		It("is shown as what it is, as "+format.Name, func() {
			Expect(shown).To(HaveKey(format.Name))
			var out bytes.Buffer
			Expect(format.Render(&out, wide())).To(Succeed())
			for _, text := range shown[format.Name] {
				Expect(out.String()).To(ContainSubstring(text))
			}
		})
	}

	It("has the port 0 in the JSON, and its id says what that means", func() {
		var again reports.Matrix
		Expect(json.Unmarshal(rendered(wide().Matrix), &again)).To(Succeed())
		Expect(again).To(Equal(wide().Matrix))
		for _, row := range again.Rows[7:9] {
			Expect(row.Destination.Port).To(BeZero())
		}
	})

	It("is called in sentences by what it is", func() {
		m := wide().Matrix
		m.Safe = []reports.Safe{{Columns: []string{"hass"}, Trial: 3}}
		for _, row := range m.Rows[7:] {
			m.Safe[0].Destinations = append(m.Safe[0].Destinations, row.Destination.ID)
		}
		Expect(markdown(m)).To(And(
			ContainSubstring(`hass: 203.0.113.50 via ping; 203.0.113.51 on every udp port; \*.data.example on tcp/443 (trial 3).`),
			ContainSubstring(`\*.data.example on tcp/443 stands for every name below data.example`),
			ContainSubstring("203.0.113.51 was contacted on many ports of udp")))
	})
})
