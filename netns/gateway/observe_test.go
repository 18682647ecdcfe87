package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("what a gateway sees", Label("root"), func() {
	for _, family := range families {
		Context("over "+family.name, func() { observingSpecs(family) })
	}
})

func observingSpecs(family family) {
	var s *street

	BeforeEach(func(ctx SpecContext) { s = newStreet(ctx) }, NodeTimeout(20*time.Second))

	It("is a contact by address where the device asked for no name", func(ctx SpecContext) {
		s.offer(ctx, family.first, 123)
		Expect(reach(ctx, s.device, "udp", family.first, 123)).To(Succeed())

		seen := s.observe(ctx)
		Expect(seen.Contacts).To(HaveLen(1))
		Expect(seen.Contacts[0]).To(And(
			HaveField("Destination", harness.Destination{Protocol: "udp", Port: 123, Name: family.first.String()}),
			HaveField("Addresses", HaveExactElements(family.first)),
			HaveField("Tries", 1), HaveField("Answered", true),
			HaveField("Attempts", 0), HaveField("Touched", 0), HaveField("Collateral", BeEmpty()),
		))
		Expect(seen.Contacts[0].First).To(BeTemporally(">=", seen.Since))
		Expect(seen.Contacts[0].Last).To(BeTemporally(">=", seen.Contacts[0].First))
	}, SpecTimeout(20*time.Second))

	It("is a contact by the name that the device asked for, whatever it is an alias of", func(ctx SpecContext) {
		s.offer(ctx, family.first, 443)
		s.zone.set("Cloud.Example", "CNAME edge.cdn.example.")
		s.zone.set("edge.cdn.example", at(family.first), at(family.second))
		s.lookUp(ctx, "cloud.EXAMPLE")
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())

		seen := contact(s.observe(ctx), "tcp/443/cloud.example")
		Expect(seen.Addresses).To(ConsistOf(family.first, family.second))
		Expect(seen.Tries).To(Equal(1))
		Expect(seen.Answered).To(BeTrue())
	}, SpecTimeout(20*time.Second))

	It("is one contact where two names share an address, and names the other", func(ctx SpecContext) {
		s.offer(ctx, family.first, 443)
		s.zone.set("a.example", at(family.first))
		s.zone.set("b.example", at(family.first))
		s.lookUp(ctx, "b.example")
		s.lookUp(ctx, "a.example")
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())

		seen := s.observe(ctx)
		Expect(seen.Contacts).To(HaveLen(1))
		Expect(contact(seen, "tcp/443/a.example").Collateral).To(HaveExactElements("b.example"))
		s.zone.set("0.example", at(family.first))
		s.lookUp(ctx, "0.example")
		Expect(contact(s.observe(ctx), "tcp/443/0.example").Collateral).To(HaveLen(2), "the first in the alphabet, whichever came first")

		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		s.zone.set("-1.example", at(family.first))
		s.lookUp(ctx, "-1.example")
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())
		Expect(contact(s.observe(ctx), "tcp/443/0.example").Collateral).To(HaveLen(3), "and it stays")
	}, SpecTimeout(20*time.Second))

	It("counts a destination that does not answer as tried and not answered", func(ctx SpecContext) {
		Expect(try(ctx, s.device, "udp", family.unassigned, 123)).NotTo(Succeed())
		Expect(try(ctx, s.device, "tcp", family.unassigned, 80)).NotTo(Succeed())

		seen := s.observe(ctx)
		Expect(seen.Contacts).To(HaveLen(2))
		Expect(seen.Contacts).To(HaveEach(And(HaveField("Tries", 1), HaveField("Answered", false))))
	}, SpecTimeout(20*time.Second))

	It("begins again with each window", func(ctx SpecContext) {
		s.offer(ctx, family.first, 443)
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(HaveLen(1))
		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("knows that a connection from before the window still gets answers", func(ctx SpecContext) {
		server, client := s.connect(ctx, family.first, 8883)
		another := harness.Destination{Protocol: "tcp", Port: 443, Name: family.second.String()}
		Expect(s.gateway.Block(ctx, []harness.Destination{another}, harness.Reject)).To(Succeed())
		id := "tcp/8883/" + family.first.String()
		_, silent := s.observe(ctx).Contact(destination(id))
		Expect(silent).To(BeFalse(), "nothing moved on it yet")

		Expect(server.Write([]byte("push"))).To(Equal(4))
		Expect(client.Read(make([]byte, 16))).To(Equal(4), "the block of another destination left it alone")
		Expect(contact(s.observe(ctx), id)).To(And(HaveField("Answered", true), HaveField("Tries", 0)))
	}, SpecTimeout(20*time.Second))

	It("leaves out controllers, and the device's answers to them", func(ctx SpecContext) {
		echo(ctx, s.device, net.JoinHostPort(family.device, "54321"))
		for _, network := range []string{"tcp", "udp"} {
			Expect(reach(ctx, s.outside, network, netip.MustParseAddr(family.device), 54321)).To(Succeed())
			Expect(reach(ctx, s.middle, network, netip.MustParseAddr(family.device), 54321)).To(Succeed())
		}
		echo(ctx, s.outside, net.JoinHostPort(family.controller, "8123"))
		Expect(reach(ctx, s.device, "tcp", netip.MustParseAddr(family.controller), 8123)).To(Succeed())
		Expect(reach(ctx, s.device, "udp", netip.MustParseAddr(family.controller), 8123)).To(Succeed())

		Expect(s.observe(ctx).Contacts).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("is one device's alone where the gateway knows its hardware address", func(ctx SpecContext) {
		for _, mac := range []string{"02:00:00:00:00:09", deviceMAC} {
			picky := newStreet(ctx, func(c *gateway.Config) { c.MAC, _ = net.ParseMAC(mac) })
			picky.offer(ctx, family.first, 443)
			target := []harness.Destination{{Protocol: "tcp", Port: 443, Name: family.first.String()}}
			Expect(picky.gateway.Block(ctx, target, harness.Reject)).To(Succeed())
			if mac == deviceMAC {
				Expect(try(ctx, picky.device, "tcp", family.first, 443)).NotTo(Succeed())
				Expect(picky.observe(ctx).Contacts).To(HaveExactElements(HaveField("Attempts", 1)))
				Expect(picky.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
				Expect(reach(ctx, picky.device, "tcp", family.first, 443)).To(Succeed())
				Expect(picky.observe(ctx).Contacts).To(HaveExactElements(HaveField("Answered", true)))
				continue
			}
			Expect(reach(ctx, picky.device, "tcp", family.first, 443)).To(Succeed(), "this is a neighbour")
			Expect(picky.observe(ctx).Contacts).To(BeEmpty())
		}
	}, SpecTimeout(20*time.Second))

	It("shows controllers to the device as the gateway", func(ctx SpecContext) {
		listener, err := s.device.Listen(ctx, "tcp", net.JoinHostPort(family.device, "80"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		dial := s.outside.DialFrom(netip.MustParseAddr(family.controller))
		client, err := dial(ctx, "tcp", net.JoinHostPort(family.device, "80"))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)
		server, err := listener.Accept()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)

		host, _, err := net.SplitHostPort(server.RemoteAddr().String())
		Expect(err).NotTo(HaveOccurred())
		Expect(host).To(Equal(family.gateway))
	}, SpecTimeout(20*time.Second))
}

var _ = Describe("what stays in the device's network", Label("root"), func() {
	It("is not a destination, and what the gateway sends is not the device's", func(ctx SpecContext) {
		s := newStreet(ctx)
		for _, to := range []string{"192.168.50.255:137", "192.168.50.77:9", "255.255.255.255:6667", "239.255.255.250:1900", "224.0.0.251:5353", "[ff02::fb%d0]:5353", "[fd50::77]:9"} {
			shout(ctx, s.device, to)
		}
		for _, to := range []string{"192.168.50.255:54321", "224.0.0.251:5353"} {
			shout(ctx, s.middle, to)
		}
		seen := s.observe(ctx)
		Expect(seen.Contacts).To(BeEmpty())
		Expect(seen.Untested).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
})

// shout sends one datagram to where nobody needs to listen.
func shout(ctx context.Context, from *netns.Namespace, to string) {
	GinkgoHelper()
	network, local := "udp4", "0.0.0.0:0"
	if to[0] == '[' {
		network, local = "udp6", "[::]:0"
	}
	var address *net.UDPAddr
	Expect(from.Do(func() (err error) { address, err = net.ResolveUDPAddr(network, to); return err })).To(Succeed())
	socket, err := from.ListenPacket(ctx, network, local)
	Expect(err).NotTo(HaveOccurred())
	defer socket.Close()
	_, err = socket.WriteTo([]byte("hello"), address)
	Expect(err).NotTo(HaveOccurred())
}

var _ = Describe("a blocked name", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			Context("with "+kind+", "+family.name, func() { namedSpecs(kind, family) })
		}
	}
})

func namedSpecs(kind string, family family) {
	var (
		s      *street
		uplink *tap
	)
	moving := []harness.Destination{{Protocol: "tcp", Port: 443, Name: "moving.example"}}

	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx, driver(kind), keepingNothing)
		for _, address := range []netip.Addr{family.first, family.second} {
			s.offer(ctx, address, 443)
		}
		s.zone.set("moving.example", at(family.first))
		uplink = s.tapOutside(ctx)
	}, NodeTimeout(20*time.Second))

	It("is blocked at all of its addresses", func(ctx SpecContext) {
		s.zone.set("moving.example", at(family.first), at(family.second))
		s.lookUp(ctx, "moving.example")
		Expect(s.gateway.Block(ctx, moving, harness.Reject)).To(Succeed())
		Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
		Expect(try(ctx, s.device, "tcp", family.second, 443)).NotTo(Succeed())

		seen := contact(s.observe(ctx), "tcp/443/moving.example")
		Expect(seen).To(And(HaveField("Attempts", 2), HaveField("Addresses", ConsistOf(family.first, family.second))))
	}, SpecTimeout(20*time.Second))

	It("is blocked at a new address before the device can know it", func(ctx SpecContext) {
		s.lookUp(ctx, "moving.example")
		Expect(s.gateway.Block(ctx, moving, harness.Reject)).To(Succeed())
		s.zone.set("moving.example", at(family.second))
		for range 20 { // were it a race, one would win
			s.lookUp(ctx, "moving.example")
			Expect(try(ctx, s.device, "tcp", family.second, 443)).NotTo(Succeed())
		}
		Expect(uplink.to(family.second)).To(BeZero())
		seen := s.observe(ctx)
		Expect(contact(seen, "tcp/443/moving.example").Attempts).To(Equal(20))
		Expect(seen.Broken).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("is blocked though it was never resolved before", func(ctx SpecContext) {
		Expect(s.gateway.Block(ctx, moving, harness.Reject)).To(Succeed())
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed(), "nobody knows yet whose address it is")
		s.lookUp(ctx, "moving.example")
		Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is known to a gateway from an earlier run", func(ctx SpecContext) {
		Expect(s.gateway.Know([]harness.Contact{{Destination: moving[0], Addresses: []netip.Addr{family.first}, Named: "dns"}})).To(Succeed())
		Expect(s.gateway.Block(ctx, moving, harness.Reject)).To(Succeed())
		Expect(try(ctx, s.device, "tcp", family.first, 443)).NotTo(Succeed())
	}, SpecTimeout(20*time.Second))
}

var _ = Describe("a resolver", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			It("of the gateway's own is a row that can be blocked, with "+kind+" and "+string(fault), func(ctx SpecContext) {
				s := newStreet(ctx, driver(kind), keepingNothing)
				s.zone.set("cloud.example", "A 198.18.0.1")
				s.lookUp(ctx, "cloud.example")
				resolver := destination("udp/53/resolver")
				Expect(contact(s.observe(ctx), "udp/53/resolver")).To(And(HaveField("Tries", 2), HaveField("Answered", true)))

				Expect(s.gateway.Block(ctx, []harness.Destination{resolver}, fault)).To(Succeed())
				for _, address := range []string{"192.168.50.1", "fd50::1"} {
					_, err := s.resolveBriefly(ctx, "udp", address, "cloud.example", dns.TypeA)
					Expect(err).To(HaveOccurred())
				}
				blocked := contact(s.observe(ctx), "udp/53/resolver")
				Expect(blocked).To(And(HaveField("Attempts", 2), HaveField("Answered", false)))

				Expect(s.gateway.Block(ctx, nil, fault)).To(Succeed())
				s.lookUp(ctx, "cloud.example")
			}, SpecTimeout(20*time.Second))
		}
	}

	It("of the gateway's own answers over TCP, and says so when there is no answer", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.set("cloud.example", "A 198.18.0.1")
		Expect(s.resolve(ctx, "tcp", "192.168.50.1", "cloud.example", dns.TypeA)).To(HaveExactElements("198.18.0.1"))
		Expect(s.resolve(ctx, "udp", "fd50::1", "cloud.example", dns.TypeA)).To(HaveExactElements("198.18.0.1"))
		Expect(s.resolve(ctx, "udp", "fd50::1", "nowhere.example", dns.TypeA)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("of the gateway's own is no row and cannot be blocked when it is kept, and no name hides behind it", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.offer(ctx, families[0].first, 443)
		for _, name := range []string{"resolver", "198.18.0.99"} {
			s.zone.set(name, at(families[0].first))
			s.lookUp(ctx, name)
		}
		Expect(reach(ctx, s.device, "tcp", families[0].first, 443)).To(Succeed())
		Expect(s.greet(ctx, families[0].second, 443, "resolver")).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(HaveExactElements(
			HaveField("Destination", destination("tcp/443/198.18.0.1")), HaveField("Destination", destination("tcp/443/198.18.0.2"))))
	}, SpecTimeout(20*time.Second))

	It("of the gateway's own is no row and cannot be blocked when it is kept", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.set("cloud.example", "A 198.18.0.1")
		s.lookUp(ctx, "cloud.example")
		Expect(s.observe(ctx).Contacts).To(BeEmpty())
		Expect(s.gateway.Block(ctx, []harness.Destination{destination("udp/53/resolver")}, harness.Reject)).
			To(MatchError(ContainSubstring("kept")))
	}, SpecTimeout(20*time.Second))

	It("that the device has built in is a row, and its answers name what follows", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.serve(ctx, s.outside, writtenIn)
		s.zone.set("cloud.example", "A 198.18.0.1")
		s.offer(ctx, families[0].first, 443)
		for _, network := range []string{"udp", "tcp"} {
			Expect(s.resolve(ctx, network, writtenIn, "cloud.example", dns.TypeA)).To(HaveExactElements("198.18.0.1"))
		}
		Expect(reach(ctx, s.device, "tcp", families[0].first, 443)).To(Succeed())

		seen := s.observe(ctx)
		Expect(contact(seen, "udp/53/"+writtenIn).Answered).To(BeTrue())
		Expect(contact(seen, "tcp/53/"+writtenIn).Answered).To(BeTrue())
		Expect(contact(seen, "tcp/443/cloud.example").Tries).To(Equal(1))
		Expect(seen.Contacts).To(HaveLen(3))

		Expect(s.gateway.Block(ctx, []harness.Destination{destination("udp/53/" + writtenIn)}, harness.Reject)).To(Succeed())
		_, err := s.resolveBriefly(ctx, "udp", writtenIn, "cloud.example", dns.TypeA)
		Expect(err).To(HaveOccurred())
		Expect(contact(s.observe(ctx), "udp/53/"+writtenIn).Attempts).To(Equal(1))
	}, SpecTimeout(20*time.Second))
})
