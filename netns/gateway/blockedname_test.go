package gateway_test

import (
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a name that is blocked", Label("root"), func() {
	for _, family := range families {
		Context("over "+family.name, func() { blockedNameSpecs(family) })
	}
})

func blockedNameSpecs(family family) {
	var s *street
	cloud := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "cloud.example"}}
	kind := dns.TypeA
	if family.name == "IPv6" {
		kind = dns.TypeAAAA
	}

	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx)
		s.offer(ctx, family.first, 443)
		s.offer(ctx, family.second, 443)
		s.zone.serve(ctx, s.outside, writtenIn)
		s.zone.set("cloud.example", at(family.first))
		s.zone.set("other.example", at(family.second))
	}, NodeTimeout(20*time.Second))

	DescribeTable("does not exist, no matter which resolver is asked", func(ctx SpecContext, network, resolver string) {
		Expect(s.gateway.Block(ctx, cloud, harness.NXDomain)).To(Succeed())
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS} {
			_, err := s.resolve(ctx, network, resolver, "Cloud.Example", kind)
			Expect(err).To(MatchError(ContainSubstring("NXDOMAIN")))
		}
		Expect(s.resolve(ctx, network, resolver, "other.example", kind)).To(HaveExactElements(family.second.String()))

		Expect(contact(s.observe(ctx), "tcp/443/cloud.example")).To(And(
			HaveField("Attempts", 3), HaveField("Touched", 3), HaveField("Attempted", Not(BeZero())), HaveField("Answered", false)))

		Expect(s.gateway.Block(ctx, nil, harness.NXDomain)).To(Succeed())
		Expect(s.resolve(ctx, network, resolver, "cloud.example", kind)).To(HaveExactElements(family.first.String()))
	},
		Entry("the gateway", "udp", "192.168.50.1", SpecTimeout(20*time.Second)),
		Entry("the gateway, by TCP", "tcp", "fd50::1", SpecTimeout(20*time.Second)),
		Entry("a resolver that is written in", "udp", writtenIn, SpecTimeout(20*time.Second)),
		Entry("a resolver that is written in, by TCP", "tcp", writtenIn, SpecTimeout(20*time.Second)),
	)

	It("has an address that is open to who still knows it, but not on a connection from before", func(ctx SpecContext) {
		s.lookUp(ctx, "cloud.example")
		_, client := s.connect(ctx, family.first, 8883)
		held := harness.Destination{Protocol: "tcp", Port: 8883, Name: "cloud.example"}
		Expect(s.gateway.Block(ctx, append([]harness.Destination{held}, cloud...), harness.NXDomain)).To(Succeed())

		_, _ = client.Write([]byte("hello"))
		Expect(client.SetReadDeadline(time.Now().Add(patience))).To(Succeed())
		_, err := client.Read(make([]byte, 1))
		Expect(err).To(Or(MatchError(unix.ECONNRESET), MatchError(io.EOF)))
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())

		seen := contact(s.observe(ctx), "tcp/443/cloud.example")
		Expect(seen).To(And(HaveField("Tries", 1), HaveField("Attempts", 0), HaveField("Touched", 0), HaveField("Answered", true)))
	}, SpecTimeout(20*time.Second))

	It("goes with the addresses that have no name, which are rejected", func(ctx SpecContext) {
		s.lookUp(ctx, "cloud.example")
		bare := harness.Destination{Protocol: "tcp", Port: 443, Name: family.second.String()}
		Expect(s.gateway.Block(ctx, append(cloud, bare), harness.NXDomain)).To(Succeed())
		Expect(try(ctx, s.device, "tcp", family.second, 443)).To(MatchError(unix.ECONNREFUSED))
		Expect(contact(s.observe(ctx), bare.String()).Attempts).To(Equal(1))
	}, SpecTimeout(20*time.Second))

	It("is blocked for a device that pings it, too, and pings to an address without a name are rejected", func(ctx SpecContext) {
		s.lookUp(ctx, "cloud.example")
		Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
		named, bare := harness.Destination{Protocol: harness.ICMP, Name: "cloud.example"}, harness.Destination{Protocol: harness.ICMP, Name: family.second.String()}
		Expect(contact(s.observe(ctx), named.String()).Answered).To(BeTrue())

		Expect(s.gateway.Block(ctx, []harness.Destination{named, bare}, harness.NXDomain)).To(Succeed())
		_, err := s.resolve(ctx, "udp", "192.168.50.1", "cloud.example", kind)
		Expect(err).To(MatchError(ContainSubstring("NXDOMAIN")))
		Expect(ping(ctx, s.device, family.second, brief)).NotTo(Succeed())
		seen := s.observe(ctx)
		Expect(seen.Broken).To(BeEmpty())
		Expect(contact(seen, named.String()).Attempts).To(Equal(1), "the query")
		Expect(contact(seen, bare.String()).Attempts).To(Equal(1), "the echo")
	}, SpecTimeout(20*time.Second))

	It("takes what stands for it along, and no other", func(ctx SpecContext) {
		s.zone.set("cloud.example", "CNAME edge.example.")
		s.zone.set("edge.example", at(family.first))
		s.lookUp(ctx, "cloud.example")
		Expect(s.gateway.Block(ctx, cloud, harness.NXDomain)).To(Succeed())
		_, err := s.resolve(ctx, "udp", "192.168.50.1", "edge.example", kind)
		Expect(err).To(MatchError(ContainSubstring("NXDOMAIN")), "who asks for it means the other")
		Expect(contact(s.observe(ctx), "tcp/443/cloud.example").Attempts).To(Equal(1))
		Expect(s.resolve(ctx, "udp", "192.168.50.1", "other.example", kind)).To(HaveLen(1))
	}, SpecTimeout(20*time.Second))
}

var _ = Describe("a question to another resolver", Label("root"), func() {
	It("gets the answer of the gateway's own, which is in the block before it is out", func(ctx SpecContext) {
		family := families[0]
		s := newStreet(ctx)
		other := &zone{records: map[string][]string{}}
		other.serve(ctx, s.outside, writtenIn)
		s.zone.set("cloud.example", at(family.first))
		other.set("cloud.example", at(family.second))
		s.offer(ctx, family.first, 443)
		cloud := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "cloud.example"}}
		Expect(s.gateway.Block(ctx, cloud, harness.Reject)).To(Succeed())
		uplink := s.tapOutside(ctx)

		Expect(s.resolve(ctx, "udp", writtenIn, "cloud.example", dns.TypeA)).To(HaveExactElements(family.first.String()))
		Expect(try(ctx, s.device, "tcp", family.first, 443)).To(MatchError(unix.ECONNREFUSED))
		Expect(uplink.to(family.first)).To(BeZero())
		Expect(uplink.to(netip.MustParseAddr(writtenIn))).To(BeZero(), "nobody connects there")
	}, SpecTimeout(20*time.Second))

	It("at home does not reach it, and one to a broadcast address is not sent back", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.set("cloud.example", at(families[0].first))
		home := &zone{records: map[string][]string{}}
		home.set("cloud.example", at(families[0].second))
		home.serve(ctx, s.outside, "192.168.1.5")
		Expect(s.resolve(ctx, "udp", "192.168.1.5", "cloud.example", dns.TypeA)).To(HaveExactElements(families[0].first.String()))

		inside := newTap(ctx, s.device, "d0")
		shout(ctx, s.device, "192.168.50.255:53")
		query, err := new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA).Pack()
		Expect(err).NotTo(HaveOccurred())
		socket, err := s.device.ListenPacket(ctx, "udp4", "0.0.0.0:0")
		Expect(err).NotTo(HaveOccurred())
		defer socket.Close()
		_, err = socket.WriteTo(query, &net.UDPAddr{IP: net.IPv4(192, 168, 50, 255), Port: 53})
		Expect(err).NotTo(HaveOccurred())
		s.lookUp(ctx, "cloud.example")
		Expect(inside.to(netip.MustParseAddr("192.168.50.255"))).To(BeZero())
	}, SpecTimeout(20*time.Second))
})
