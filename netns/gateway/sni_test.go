package gateway_test

import (
	"context"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("the name that a server is asked by", Label("root"), func() {
	for _, family := range families {
		Context("over "+family.name, func() { greetingSpecs(family) })
	}
})

func greetingSpecs(family family) {
	It("names an address that no answer named, and a block of it is by address", func(ctx SpecContext) {
		s := newStreet(ctx)
		Expect(s.greet(ctx, family.first, 443, "Written-in.example")).To(Succeed())
		id := "tcp/443/written-in.example"
		Expect(contact(s.observe(ctx), id)).To(And(
			HaveField("Named", "tls"), HaveField("Addresses", HaveExactElements(family.first)), HaveField("Tries", 1)))

		for _, fault := range []harness.Fault{harness.Reject, harness.NXDomain} {
			Expect(s.gateway.Block(ctx, []harness.Destination{destination(id)}, fault)).To(Succeed())
			Expect(try(ctx, s.device, "tcp", family.first, 443)).To(MatchError(unix.ECONNREFUSED))
			Expect(contact(s.observe(ctx), id).Attempts).To(Equal(1))
		}
	}, SpecTimeout(20*time.Second))

	It("counts for nothing where an answer named the address", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.set("cloud.example", at(family.first))
		s.lookUp(ctx, "cloud.example")
		Expect(s.greet(ctx, family.first, 443, "front.example")).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(HaveExactElements(And(
			HaveField("Destination.Name", "cloud.example"), HaveField("Named", "dns"), HaveField("Collateral", BeEmpty()))))
	}, SpecTimeout(20*time.Second))

	It("tells names apart that share an address and no port", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.offer(ctx, family.first, 123)
		for _, name := range []string{"a-web.example", "b-time.example"} {
			s.zone.set(name, at(family.first))
			s.lookUp(ctx, name)
		}
		Expect(reach(ctx, s.device, "udp", family.first, 123)).To(Succeed())
		Expect(s.greet(ctx, family.first, 443, "a-web.example")).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(HaveExactElements(
			And(HaveField("Destination", destination("tcp/443/a-web.example")), HaveField("Collateral", HaveExactElements("b-time.example"))),
			And(HaveField("Destination", destination("udp/123/b-time.example")), HaveField("Collateral", BeEmpty()))))
	}, SpecTimeout(20*time.Second))
}

var _ = Describe("a device that is kept from the home network", Label("root"), func() {
	for _, family := range families {
		router := map[string]string{"IPv4": "192.168.1.1", "IPv6": "fd01::1"}[family.name]
		call := func(ctx context.Context, s *street, network string) error {
			GinkgoHelper()
			return try(ctx, s.device, network, netip.MustParseAddr(router), 8080)
		}

		It("calls its controllers, nobody else, and answers all, over "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx)
			for _, host := range []string{router, family.controller} {
				s.offer(ctx, netip.MustParseAddr(host), 8080)
			}
			Expect(call(ctx, s, "tcp")).To(MatchError(unix.ECONNREFUSED))
			Expect(call(ctx, s, "udp")).To(HaveOccurred())
			Expect(s.observe(ctx).Home).To(HaveExactElements("tcp/8080/"+router, "udp/8080/"+router))
			Expect(s.observe(ctx).Contacts).To(BeEmpty(), "they are no destinations")
			Expect(reach(ctx, s.device, "tcp", netip.MustParseAddr(family.controller), 8080)).To(Succeed())

			s.echoOnDevice(ctx, family)
			Expect(reach(ctx, s.outside, "udp", netip.MustParseAddr(family.device), 54321)).To(Succeed())
			Expect(reach(ctx, s.outside, "tcp", netip.MustParseAddr(family.device), 54321)).To(Succeed())

			Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
			Expect(s.observe(ctx).Home).To(BeEmpty(), "a new window")
		}, SpecTimeout(20*time.Second))

		It("calls everybody where that is asked for, over "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx, func(c *gateway.Config) { c.Mingle = true })
			s.offer(ctx, netip.MustParseAddr(router), 8080)
			Expect(call(ctx, s, "tcp")).To(Succeed())
			Expect(s.observe(ctx).Home).To(BeEmpty())
		}, SpecTimeout(20*time.Second))
	}
})

func (s *street) echoOnDevice(ctx context.Context, family family) {
	GinkgoHelper()
	echo(ctx, s.device, netip.AddrPortFrom(netip.MustParseAddr(family.device), 54321).String())
}
