package reports_test

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/seen"
	"github.com/needwant/needwant/reports"
)

// vacuum is what a firewall's log and a resolver's log show of one, with what a
// stranger could write into them.
func vacuum() seen.List {
	last := time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)
	return seen.List{
		APIVersion: "needwant/v1", Kind: "Seen",
		Device: seen.Device{Addresses: []netip.Addr{netip.MustParseAddr("192.168.50.10")}, MAC: "7c:49:eb:00:00:01", Name: "s50"},
		Sources: []seen.Source{
			{File: "router|log\x1b[2J", Formats: []string{"kernel"}, Records: 60, Skipped: 1, Damaged: 1, First: 7, Cannot: []string{"A firewall log has no names."}},
			{File: "dnsmasq.log", Formats: []string{"dnsmasq"}, Records: 4, Cannot: []string{"A DNS log has no ports."}},
		},
		Rows: []seen.Row{
			{ID: "tcp/443/ec2-18-194-236-76.eu-central-1.compute.amazonaws.com", Addresses: []netip.Addr{netip.MustParseAddr("18.194.236.76")}, Named: "dns", Contacts: 3, Queries: 2, Bytes: 12345, First: last, Last: last},
			{ID: "udp/*/61.161.155.29", Addresses: []netip.Addr{netip.MustParseAddr("61.161.155.29")}, Contacts: 40, Bytes: 900},
			{ID: "dns/rare.example.com", Addresses: []netip.Addr{}, Named: "dns", Queries: 1, First: last, Last: last},
		},
		LeftOut: 12,
	}
}

var _ = Describe("what was imported", func() {
	for _, format := range reports.SeenFormats() {
		It("reads as it did before, as "+format, func() {
			golden("imported."+format, func(out *bytes.Buffer) error { return reports.RenderSeen(out, format, vacuum(), 0, nil) })
		})
	}

	DescribeTable("is a text that fits a terminal:", func(columns int, heads string) {
		var out bytes.Buffer
		wherever := func(netip.Addr) (reports.Place, error) {
			return reports.Place{Country: "NZ", Network: strings.Repeat("a network with a long name ", 8)}, nil
		}
		Expect(reports.RenderSeen(&out, "text", vacuum(), columns, wherever)).To(Succeed())
		lines := strings.Split(out.String(), "\n")
		Expect(strings.Join(strings.Fields(lines[2]), " ")).To(Equal(heads))
		for _, line := range lines {
			Expect(len([]rune(line))).To(BeNumerically("<=", columns), line)
		}
	},
		Entry(nil, 160, "DESTINATION ADDRESSES SERVICE REQUIRED? CONTACTS QUERIES BYTES LAST SEEN WHERE"),
		Entry(nil, 79, "DESTINATION REQUIRED? LAST SEEN WHERE"),
	)

	It("begins with the forum's heads, word for word, and has question marks for verdicts", func() {
		var out bytes.Buffer
		Expect(reports.RenderSeen(&out, "md", vacuum(), 0, nil)).To(Succeed())
		Expect(out.String()).To(ContainSubstring("| Destination IP | Destination URL/Location | Protocol | Port | Service | Required for Native App? | Required for HASS? |"))
		Expect(strings.Count(out.String(), "| ??? | ??? |")).To(Equal(3))
	})

	It("has no format for verdicts alone", func() {
		Expect(reports.RenderSeen(&bytes.Buffer{}, "junit", vacuum(), 0, nil)).To(MatchError(ContainSubstring("choose one of text, md, csv, json")))
	})
})
