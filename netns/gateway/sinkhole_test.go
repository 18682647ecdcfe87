package gateway_test

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

// A home's resolver that blocks a name answers with an address that nobody has, or
// with its own.
var _ = Describe("a name that the home's resolver blocks", Label("root"), func() {
	log := destination("tcp/443/log.example")
	first := families[0].first

	for _, kind := range []string{"ipset", "iptables"} {
		for _, blocked := range []bool{false, true} {
			title := map[bool]string{false: "nothing is blocked", true: "it is blocked here, too"}[blocked]
			DescribeTable("by answers with "+kind+", while "+title, func(ctx SpecContext, address string, record uint16) {
				s := newStreet(ctx, driver(kind))
				s.offer(ctx, first, 443)
				s.zone.set("log.example", at(first))
				s.lookUp(ctx, "log.example")
				Expect(reach(ctx, s.device, "tcp", first, 443)).To(Succeed())
				before := s.rules(ctx)
				if blocked {
					Expect(s.gateway.Block(ctx, []harness.Destination{log}, harness.Reject)).To(Succeed())
					before = s.rules(ctx)
				}

				s.zone.set("log.example", at(netip.MustParseAddr(address)))
				Expect(s.resolve(ctx, "udp", "192.168.50.1", "log.example", record)).To(HaveExactElements(address), "the device gets the answer")
				Expect(s.rules(ctx)).To(Equal(before))
				seen := s.observe(ctx)
				Expect(seen.Broken).To(BeEmpty())
				Expect(seen.Sinkholes).To(HaveExactElements(And(HaveField("Name", "log.example"), HaveField("Addresses", HaveLen(1)))))
				Expect(s.gateway.Block(ctx, []harness.Destination{log}, harness.Reject)).To(Succeed(), "and it can be blocked")
				Expect(s.observe(ctx)).To(And(HaveField("Broken", BeEmpty()), HaveField("Contacts", BeEmpty()), HaveField("Sinkholes", BeEmpty())))
				Expect(try(ctx, s.device, "tcp", first, 443)).NotTo(Succeed())
			},
				Entry("the unspecified address", "0.0.0.0", dns.TypeA, SpecTimeout(20*time.Second)),
				Entry("the unspecified address of IPv6", "::", dns.TypeAAAA, SpecTimeout(20*time.Second)),
				Entry("a loopback address", "127.0.0.1", dns.TypeA, SpecTimeout(20*time.Second)),
				Entry("the loopback address of IPv6", "::1", dns.TypeAAAA, SpecTimeout(20*time.Second)),
				Entry("the home's router", "192.168.1.1", dns.TypeA, SpecTimeout(20*time.Second)),
				Entry("the gateway", "192.168.50.1", dns.TypeA, SpecTimeout(20*time.Second)),
				Entry("a broadcast address", "255.255.255.255", dns.TypeA, SpecTimeout(20*time.Second)),
				Entry("a multicast address", "224.0.0.5", dns.TypeA, SpecTimeout(20*time.Second)),
			)
		}
	}

	It("is never opened in a confinement at such an address", func(ctx SpecContext) {
		s := newStreet(ctx, func(c *gateway.Config) { c.Controllers = nil })
		s.offer(ctx, netip.MustParseAddr("192.168.1.1"), 443)
		Expect(s.gateway.Confine(ctx, []harness.Destination{log}, harness.Reject)).To(Succeed())
		s.zone.set("log.example", "A 192.168.1.1")
		s.lookUp(ctx, "log.example")
		Expect(try(ctx, s.device, "tcp", netip.MustParseAddr("192.168.1.1"), 443)).NotTo(Succeed())
		Expect(s.observe(ctx).Broken).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
})
