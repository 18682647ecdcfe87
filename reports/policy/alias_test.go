package policy_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// led is a device whose api.fan.example is a CNAME of edge.example, which is a CNAME
// of pop.example. It queries edge.example itself, too.
func led() reports.Matrix {
	m := matrix(
		seen{"tcp/443/api.fan.example", "203.0.113.1", required, required},
		seen{"tcp/8883/edge.example", "203.0.113.1", optional, optional},
		seen{"tcp/443/log.fan.example", "203.0.113.2", optional, optional},
	)
	m.Rows[0].Destination.Aliases = []string{"edge.example", "not a name", "pop.example"}
	m.Cuts = nil
	for i := range m.Safe {
		m.Safe[i].Destinations = []harness.Destination{m.Rows[1].Destination.ID, m.Rows[2].Destination.ID}
	}
	return m
}

var _ = Describe("a name that must resolve for another one to resolve", func() {
	DescribeTable("is on an allowlist by name", func(format string, lines ...string) {
		text := export(format, made(led(), policy.Options{Kind: policy.AllowRequired, Device: at()})).Text
		for _, line := range lines {
			Expect(text).To(ContainSubstring(line))
		}
		Expect(text).NotTo(ContainSubstring("not a name"))
	},
		Entry("of dnsmasq", "dnsmasq", "server=/api.fan.example/#\n", "server=/edge.example/#\n", "server=/pop.example/#\n"),
		Entry("of AdGuard", "adguard", "@@||api.fan.example^", "@@||edge.example^", "@@||pop.example^"),
	)

	DescribeTable("is not on a blocklist by name, even if the device can do without it", func(format string) {
		text := export(format, made(led(), policy.Options{Kind: policy.BlockOptional, Device: at()})).Text
		Expect(text).To(And(ContainSubstring("log.fan.example"), ContainSubstring("needs that name, as its CNAME")))
		Expect(text).NotTo(MatchRegexp(`(?m)^[^#!].*edge\.example`))
	},
		Entry("of dnsmasq", "dnsmasq"), Entry("of AdGuard", "adguard"), Entry("of Pi-hole", "hosts"),
	)
})
