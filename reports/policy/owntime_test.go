package policy_test

import (
	"net/netip"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("one's own time server in the place of the device's", func() {
	own := []netip.Addr{netip.MustParseAddr("192.168.1.10")}
	replaceable := func() reports.Matrix {
		m := matrix(fan()...)
		for _, row := range m.Rows {
			for column, cell := range row.Cells {
				if row.Destination.ID.Port == 123 && cell.Verdict != harness.Optional {
					cell.Replaceable = []harness.StandIn{harness.TimeServer}
					row.Cells[column] = cell
				}
			}
		}
		m.Outside = []reports.Outside{{Columns: []string{"app", "home"}, Trial: 12}}
		return m
	}
	made := func(m reports.Matrix, kind policy.Kind, servers ...netip.Addr) (policy.Policy, error) {
		return policy.New(m, policy.Options{Kind: kind, TimeServers: servers, Device: at()})
	}

	It("takes all time servers off the other lists, and says which trial proved it", func() {
		for _, kind := range policy.Kinds() {
			p, err := made(replaceable(), kind, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Served).To(HaveLen(5))
			for _, d := range slices.Concat(p.Blocked, p.Open) {
				Expect(d.ID.Port).NotTo(Equal(uint16(123)), "%s", d.ID)
			}
			Expect(p.Proof).To(ContainElements("Whatever the device asks for the time goes to 192.168.1.10.", "Trial 12 answered it so, and all worked."))

			m := replaceable()
			m.Outside = nil
			p, err = made(m, kind, own...)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Doubts).To(ContainElement(HavePrefix("No single trial answered")))
		}
	})

	It("is refused if the run does not prove that it would do", func() {
		_, err := made(matrix(fan()...), policy.BlockOptional, own...)
		Expect(err).To(MatchError(And(ContainSubstring("udp/123/192.0.2.33, which is alternative"), ContainSubstring("--stand-ins ntp"))))
	})

	It("is refused in a language that cannot lead the device there", func() {
		p, err := made(replaceable(), policy.AllowRequired, own...)
		Expect(err).NotTo(HaveOccurred())
		for _, format := range policy.Formats() {
			export, err := format.Export(p)
			if format.Name != "nft" && format.Name != "iptables" {
				Expect(err).To(MatchError(ContainSubstring("choose nft or iptables")), format.Name)
				continue
			}
			Expect(err).NotTo(HaveOccurred())
			Expect(export.Text).To(ContainSubstring("192.168.1.10"))
			Expect(export.Lost).To(ContainElement(HavePrefix("Requests for the time over IPv6 are refused")))
		}
	})
})
