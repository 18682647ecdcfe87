package policy_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("what an export says of its run", func() {
	by := func(faults ...harness.Fault) reports.Matrix {
		m := matrix(fan()...)
		for i := range m.Columns {
			m.Columns[i].Fault = faults[i%len(faults)]
		}
		return m
	}
	const otherThanNames, otherThanRules = "a device may react to a missing name in another way", "The run blocked names in DNS, and these rules reject"

	DescribeTable("is how it blocked", func(m reports.Matrix, ofNames, ofRules string, fault harness.Fault) {
		for _, kind := range policy.Kinds() {
			p := made(m, policy.Options{Kind: kind})
			Expect(p.Fault()).To(Equal(fault))
			for _, format := range languages() {
				e, ok := written(format, p)
				switch {
				case !ok:
				case format.ByName():
					expectSaid(e, ofNames, otherThanNames)
				case format.Name != "dnsmasq-nftset" && format.Name != "mud" && format.Name != "ha-mqtt":
					expectSaid(e, ofRules, otherThanRules)
				}
			}
		}
	},
		Entry("by reject", by(harness.Reject), "The run blocked by reject: "+otherThanNames, "", harness.Reject),
		Entry("by drop", by(harness.Drop), "The run blocked by drop: "+otherThanNames, "", harness.Drop),
		Entry("by nxdomain", by(harness.NXDomain), "", otherThanRules, harness.NXDomain),
		Entry("by reject and nxdomain", by(harness.Reject, harness.NXDomain), "", "", harness.Reject),
		Entry("by nxdomain and drop", by(harness.NXDomain, harness.Drop), "", "", harness.Drop),
	)

	// twoOfFour needs two of four servers: each three of them are a cut.
	twoOfFour := func() reports.Matrix {
		servers := []string{"udp/123/a.example", "udp/123/b.example", "udp/123/c.example", "udp/123/d.example"}
		var rows []seen
		for _, id := range servers {
			rows = append(rows, seen{id, "", alternative, optional})
		}
		m := matrix(rows...)
		m.Cuts = nil
		for left := range servers {
			cut := reports.Cut{Column: "app"}
			for i, id := range servers {
				if i != left {
					cut.Destinations = append(cut.Destinations, destination(id))
				}
			}
			m.Cuts = append(m.Cuts, cut)
		}
		need := reports.Need{Column: "app", AtLeast: 2}
		for _, id := range servers {
			need.Of = append(need.Of, destination(id))
		}
		m.Needs = []reports.Need{need}
		for i := range m.Safe {
			m.Safe[i].Destinations = []harness.Destination{destination(servers[2]), destination(servers[3])}
		}
		return m
	}

	It("is never 1 of a group of which more are needed", func() {
		p := made(twoOfFour(), policy.Options{Kind: policy.AllowRequired, Minimal: true})
		Expect(ids(p.Open)).To(Equal([]string{"udp/123/a.example", "udp/123/b.example"}))
		for _, d := range p.Open {
			Expect(d.Why).To(Equal("alternative, needed as 2 others are blocked"))
		}
		for _, d := range made(twoOfFour(), policy.Options{Kind: policy.AllowRequired}).Open {
			Expect(d.Why).To(Equal("alternative, 2 of 4 needed"))
		}
	})

	It("is told by each format that says why a destination stays open", func() {
		p := made(twoOfFour(), policy.Options{Kind: policy.AllowRequired})
		var say []string
		for _, format := range languages() {
			if e, ok := written(format, p); ok && strings.Contains(e.Text, "alternative") {
				Expect(strings.Count(e.Text, "alternative, 2 of 4 needed")).To(Equal(4), format.Name)
				say = append(say, format.Name)
			}
		}
		Expect(say).To(ConsistOf("nft", "iptables", "routeros", "opnsense", "ha-mqtt"))
	})

	It("is told at the top by each format that has comments, once", func() {
		for _, kind := range policy.Kinds() {
			p := made(twoOfFour(), policy.Options{Kind: kind})
			for _, format := range languages() {
				if e, ok := written(format, p); ok && format.Comments() {
					Expect(strings.Count(e.Text, "At least 2 of these 4 are needed: udp/123/a.example, udp/123/b.example, udp/123/c.example, udp/123/d.example.")).To(Equal(1), format.Name)
				}
			}
		}
	})

	It("is 1 of a group of which one is needed", func() {
		for _, d := range made(matrix(fan()...), policy.Options{Kind: policy.AllowRequired}).Open {
			if d.ID.Port == 123 {
				Expect(d.Why).To(Equal("alternative, 1 of 3 needed"))
			}
		}
	})
})

func expectSaid(e policy.Export, said, not string) {
	GinkgoHelper()
	if said == "" {
		Expect(e.Text).NotTo(ContainSubstring(not))
		return
	}
	Expect(e.Lost).To(ContainElement(ContainSubstring(said)))
}
