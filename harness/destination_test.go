package harness_test

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a destination", func() {
	DescribeTable("is read from its id and written as it", func(id string, want harness.Destination) {
		d, err := harness.ParseDestination(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(d).To(Equal(want))
		Expect(d.String()).To(Equal(id))
	},
		Entry("a name", "udp/123/pool.ntp.org", harness.Destination{Protocol: "udp", Port: 123, Name: "pool.ntp.org"}),
		Entry("every port of an address", "udp/*/203.0.113.5", harness.Destination{Protocol: "udp", Name: "203.0.113.5"}),
		Entry("every name below a domain", "tcp/443/*.data.iot.example", harness.Destination{Protocol: "tcp", Port: 443, Name: "*.data.iot.example"}),
		Entry("a name of which no port is known", "dns/api.iot.example", harness.Destination{Protocol: "dns", Name: "api.iot.example"}),
		Entry("a host that is pinged", "icmp/echo/203.0.113.99", harness.Destination{Protocol: "icmp", Name: "203.0.113.99"}),
	)

	DescribeTable("rejects what is not an id", func(id string) {
		_, err := harness.ParseDestination(id)
		Expect(err).To(MatchError(ContainSubstring("is not a destination")))
	},
		Entry(nil, "udp/0/a.example"), Entry(nil, "udp/123/"), Entry(nil, "sctp/1/a.example"), Entry(nil, "icmp/8/a.example"),
		Entry(nil, "udp/echo/a.example"), Entry(nil, "tcp/443/a.example\nrule"), Entry(nil, "tcp/443/a b"), Entry(nil, "tcp/443/a\x1b[31m"),
		Entry(nil, "dns/"), Entry(nil, "dns/53/a.example"), Entry(nil, "dns/203.0.113.5"),
	)

	DescribeTable("covers what it stands for", func(one, other string, covers bool) {
		a, err := harness.ParseDestination(one)
		Expect(err).NotTo(HaveOccurred())
		b, err := harness.ParseDestination(other)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Covers(b)).To(Equal(covers))
	},
		Entry(nil, "tcp/443/a.example", "tcp/443/a.example", true),
		Entry(nil, "tcp/443/a.example", "tcp/80/a.example", false),
		Entry(nil, "udp/*/203.0.113.5", "udp/20001/203.0.113.5", true),
		Entry(nil, "dns/a.example", "dns/a.example", true),
		Entry(nil, "dns/a.example", "dns/b.example", false),
		Entry(nil, "dns/a.example", "tcp/443/a.example", false),
		Entry(nil, "udp/20001/203.0.113.5", "udp/*/203.0.113.5", false),
		Entry(nil, "tcp/443/*.d.example", "tcp/443/x1.d.example", true),
		Entry(nil, "tcp/443/*.d.example", "tcp/443/d.example", false),
		Entry(nil, "icmp/echo/203.0.113.5", "udp/123/203.0.113.5", false),
	)
})

var _ = Describe("a pattern", func() {
	address := netip.MustParseAddr("203.0.113.5")

	DescribeTable("matches", func(pattern, id string, matches bool) {
		p, err := harness.ParsePattern(pattern)
		Expect(err).NotTo(HaveOccurred())
		d, err := harness.ParseDestination(id)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Matches(d, address)).To(Equal(matches))
		again, err := harness.ParsePattern(p.String())
		Expect(err).NotTo(HaveOccurred())
		Expect(again).To(Equal(p))
	},
		Entry(nil, "a.example", "tcp/443/a.example", true),
		Entry(nil, "A.example.", "udp/53/a.example", true),
		Entry(nil, "a.example", "tcp/443/b.a.example", false),
		Entry(nil, "*.example", "tcp/443/a.example", true),
		Entry(nil, "*.example", "tcp/443/example", false),
		Entry(nil, "203.0.113.5", "tcp/443/a.example", true),
		Entry(nil, "203.0.113.6", "tcp/443/a.example", false),
		Entry(nil, "tcp/443/*", "tcp/443/a.example", true),
		Entry(nil, "tcp/443/*", "udp/443/a.example", false),
		Entry(nil, "*/*/a.example", "icmp/echo/a.example", true),
		Entry(nil, "*/123/*", "udp/123/a.example", true),
		Entry(nil, "udp/5000/a.example", "udp/*/a.example", false),
		Entry(nil, "icmp/echo/*", "icmp/echo/203.0.113.9", true),
	)

	DescribeTable("is rejected", func(text string) {
		_, err := harness.ParsePattern(text)
		Expect(err).To(MatchError(ContainSubstring("is not a pattern")))
	},
		Entry(nil, ""), Entry(nil, "*"), Entry(nil, "*/*/*"), Entry(nil, "sctp/1/a"), Entry(nil, "tcp/0/a"), Entry(nil, "a*.example"), Entry(nil, "a b"), Entry(nil, "tcp/443"),
	)

	It("matches nothing when it is empty", func() {
		Expect(harness.Pattern{}.Matches(harness.Destination{Protocol: "tcp", Port: 1, Name: "a"})).To(BeFalse())
	})
})
