package policy_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("a policy of a run that blocked names alone", func() {
	var p policy.Policy

	BeforeEach(func() {
		m := matrix(seen{"dns/cloud.example", "203.0.113.1", required, required}, seen{"dns/ads.example", "203.0.113.2", optional, optional})
		m.Run.ByName = true
		for i := range m.Columns {
			m.Columns[i].Fault = harness.Refused
		}
		m.Safe = []reports.Safe{{Columns: []string{"app", "home"}, Destinations: []harness.Destination{destination("dns/ads.example")}, Trial: 4}}
		p = made(m, policy.Options{Kind: policy.BlockOptional, Device: at()})
	})

	It("is applied as the run did", func() {
		Expect(p.Fault()).To(Equal(harness.Refused))
		Expect(ids(p.Blocked)).To(HaveExactElements("dns/ads.example"))
	})

	for _, format := range policy.Formats() {
		It("is a list of names, or nothing, as "+format.Name, func() {
			export, err := format.Export(p)
			if err != nil {
				Expect(err).To(MatchError(ContainSubstring("no firewall rules can be made of it: choose one of dnsmasq, adguard, ")))
				Expect(format.ByName()).To(BeFalse())
				return
			}
			Expect(format.ByName()).To(BeTrue())
			Expect(strings.Count(export.Text, "ads.example")).To(BeNumerically(">", 0))
			Expect(export.Lost).NotTo(ContainElement(ContainSubstring("may react to a missing name")))
		})
	}
})
