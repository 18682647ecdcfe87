package harness_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a stand-in", func() {
	DescribeTable("answers for what it can answer for",
		func(id string, want harness.StandIn) {
			destination, err := harness.ParseDestination(id)
			Expect(err).NotTo(HaveOccurred())
			found := harness.StandInsFor([]harness.Destination{destination}, harness.StandIns())
			Expect(found[destination]).To(Equal(want))
			Expect(harness.StandInsFor([]harness.Destination{destination}, nil)).To(BeEmpty())
		},
		Entry("a time server", "udp/123/pool.ntp.org", harness.TimeServer),
		Entry("not NTP over TCP", "tcp/123/pool.ntp.org", harness.StandIn("")),
		Entry("a resolver that is built in", "udp/53/203.0.113.53", harness.Resolver),
		Entry("over TCP, too", "tcp/53/2001:db8::53", harness.Resolver),
		Entry("not a resolver with a name", "udp/53/dns.example", harness.StandIn("")),
		Entry("not DNS over TLS", "tcp/853/203.0.113.53", harness.StandIn("")),
		Entry("a page", "tcp/80/check.example", harness.ProbePages),
		Entry("not a page over TLS", "tcp/443/check.example", harness.StandIn("")),
		Entry("a ping", "icmp/echo/203.0.113.8", harness.EchoReply),
		Entry("not every port", "udp/*/203.0.113.8", harness.StandIn("")),
		Entry("not a name alone", "dns/pool.ntp.org", harness.StandIn("")),
	)

	It("is known by its name", func() {
		for _, kind := range harness.StandIns() {
			Expect(harness.ParseStandIn(string(kind))).To(Equal(kind))
			Expect(kind.Own()).To(HavePrefix("your own "))
		}
		Expect(harness.ParseStandIn("time")).Error().To(MatchError(`"time" is not a stand-in: write ntp, dns, probe, icmp, tls, tcp, miio-cloud`))
	})
})
