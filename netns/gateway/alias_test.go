package gateway_test

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

// A device queries ads.example, which is a CNAME of edge.example, for HTTPS, and
// edge.example itself for MQTT. Both have one address.
var _ = Describe("a name that is another one's CNAME target", Label("root"), func() {
	ads, edge := destination("tcp/443/ads.example"), destination("tcp/8883/edge.example")
	shared := families[0].first

	for _, fault := range []harness.Fault{harness.Reject, harness.NXDomain} {
		It("is a destination of its own, and each can be blocked alone, by "+string(fault), func(ctx SpecContext) {
			s := newStreet(ctx, func(c *gateway.Config) { c.Apart = fault == harness.NXDomain })
			s.zone.set("ads.example", "CNAME edge.example.")
			s.zone.set("edge.example", at(shared))
			for _, d := range []harness.Destination{ads, edge} {
				s.offer(ctx, shared, d.Port)
			}

			for range 6 {
				s.visitBoth(ctx, ads, edge)
			}
			seen := s.observe(ctx)
			Expect(seen.Contacts).To(HaveExactElements(HaveField("Destination", ads), HaveField("Destination", edge)))
			Expect(contact(seen, ads.String()).Aliases).To(HaveExactElements("edge.example"))

			for i, blocked := range []harness.Destination{ads, edge} {
				open := []harness.Destination{edge, ads}[i]
				Expect(s.gateway.Block(ctx, []harness.Destination{blocked}, fault)).To(Succeed())
				s.visitBoth(ctx, ads, edge)
				seen := s.observe(ctx)
				Expect(seen.Contacts).To(HaveLen(2))
				Expect(contact(seen, blocked.String())).To(And(HaveField("Attempts", BeNumerically(">", 0)), HaveField("Answered", false)))
				Expect(contact(seen, open.String())).To(And(HaveField("Attempts", 0), HaveField("Answered", true)))
			}
		}, SpecTimeout(30*time.Second))
	}
})

// visitBoth resolves two names at the same time, and contacts what it finds.
func (s *street) visitBoth(ctx context.Context, destinations ...harness.Destination) {
	var all sync.WaitGroup
	for _, d := range destinations {
		all.Go(func() {
			defer GinkgoRecover()
			found, err := s.resolve(ctx, "udp", "192.168.50.1", d.Name, dns.TypeA)
			if err != nil {
				return // the name is blocked
			}
			address, err := netip.ParseAddr(found[len(found)-1])
			Expect(err).NotTo(HaveOccurred())
			_ = try(ctx, s.device, d.Protocol, address, d.Port)
		})
	}
	all.Wait()
}
