package gateway_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("an ICMP echo of the device", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			for _, family := range families {
				Context("with "+kind+", "+string(fault)+", "+family.name, func() { echoSpecs(kind, fault, family) })
			}
		}
	}
})

func echoSpecs(kind string, fault harness.Fault, family family) {
	var s *street
	bare := harness.Destination{Protocol: "icmp", Name: family.first.String()}

	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx, driver(kind))
		s.offer(ctx, family.first, 443)
	}, NodeTimeout(20*time.Second))

	It("is a contact, by the address or by the name that was queried", func(ctx SpecContext) {
		Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
		Expect(s.observe(ctx).Contacts).To(HaveExactElements(And(
			HaveField("Destination", bare), HaveField("Tries", 1), HaveField("Attempts", 0), HaveField("Answered", true))))

		s.zone.set("watched.example", at(family.first))
		s.lookUp(ctx, "watched.example")
		Expect(s.observe(ctx).Contacts).To(HaveExactElements(HaveField("Destination.Name", "watched.example")))
	}, SpecTimeout(20*time.Second))

	It("is blocked alone, counted, and back once unblocked", func(ctx SpecContext) {
		uplink := s.tapOutside(ctx)
		Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
		sent := func() int { return uplink.to(family.first) }
		Eventually(sent).WithContext(ctx).Should(Equal(1))
		Expect(s.gateway.Block(ctx, []harness.Destination{bare}, fault)).To(Succeed())
		for range 3 {
			Expect(ping(ctx, s.device, family.first, brief)).NotTo(Succeed())
		}
		seen := s.observe(ctx)
		Expect(seen.Broken).To(BeEmpty())
		Expect(contact(seen, bare.String())).To(And(HaveField("Tries", 3), HaveField("Attempts", 3), HaveField("Answered", false)))
		Expect(ping(ctx, s.device, family.second, patience)).To(Succeed())
		Eventually(func() int { return uplink.to(family.second) }).WithContext(ctx).Should(Equal(1))
		Expect(sent()).To(Equal(1), "what was sent before has come out by then")
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed(), "other protocols are not blocked")

		Expect(s.gateway.Block(ctx, nil, fault)).To(Succeed())
		Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
	}, SpecTimeout(20*time.Second))

	It("is refused where it is not open, and passes where it is", func(ctx SpecContext) {
		Expect(s.gateway.Confine(ctx, nil, fault)).To(Succeed())
		Expect(ping(ctx, s.device, family.first, brief)).NotTo(Succeed())
		Expect(contact(s.observe(ctx), bare.String()).Attempts).To(Equal(1))

		Expect(s.gateway.Confine(ctx, []harness.Destination{bare}, fault)).To(Succeed())
		Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
		Expect(ping(ctx, s.device, family.second, brief)).NotTo(Succeed())
		Expect(s.observe(ctx).Broken).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
}

var _ = Describe("what a device sends that no block tests", Label("root"), func() {
	for _, family := range families {
		// protocols are raw sockets with what a packet carries.
		protocols := map[string]string{"GRE": "47", "IPSecESP": "50", "OSPF": "89"}
		send := func(ctx context.Context, s *street, protocol string) {
			GinkgoHelper()
			network := map[bool]string{true: "ip4:", false: "ip6:"}[family.first.Is4()]
			socket, err := s.device.ListenPacket(ctx, network+protocol, map[bool]string{true: "0.0.0.0", false: "::"}[family.first.Is4()])
			Expect(err).NotTo(HaveOccurred())
			defer socket.Close()
			_, err = socket.WriteTo(make([]byte, 64), &net.IPAddr{IP: family.first.AsSlice()})
			Expect(err).NotTo(HaveOccurred())
		}

		It("does not leave over "+family.name+", and is reported, whatever is blocked", func(ctx SpecContext) {
			s := newStreet(ctx, deviceAlone)
			s.offer(ctx, family.second, 443)
			uplink := s.tapOutside(ctx)
			for _, blocked := range [][]harness.Destination{nil, {{Protocol: "tcp", Port: 443, Name: family.first.String()}}} {
				Expect(s.gateway.Block(ctx, blocked, harness.Reject)).To(Succeed())
				var reported []any
				for kind, protocol := range protocols {
					send(ctx, s, protocol)
					reported = append(reported, harness.Untested{What: kind, To: family.first, Packets: 1, Dropped: true})
				}
				Expect(reach(ctx, s.device, "tcp", family.second, 443)).To(Succeed())
				seen := s.observe(ctx)
				Expect(seen.Untested).To(ConsistOf(reported...))
				Expect(seen.Doubts).To(BeEmpty(), "it did not go round the block")
			}
			Expect(uplink.to(family.first)).To(BeZero())
		}, SpecTimeout(20*time.Second))

		It("may leave over "+family.name+" if the owner wishes so, and is doubtful if it is for what is blocked", func(ctx SpecContext) {
			s := newStreet(ctx, func(c *gateway.Config) { c.OtherProtocols = true })
			s.offer(ctx, family.second, 443)
			uplink := s.tapOutside(ctx)
			other := []harness.Destination{{Protocol: "tcp", Port: 443, Name: family.second.String()}}
			Expect(s.gateway.Block(ctx, other, harness.Reject)).To(Succeed())
			send(ctx, s, "47")
			Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(Equal(1))
			seen := s.observe(ctx)
			Expect(seen.Untested).To(HaveExactElements(harness.Untested{What: "GRE", To: family.first, Packets: 1}))
			Expect(seen.Doubts).To(BeEmpty())

			blocked := []harness.Destination{{Protocol: "tcp", Port: 443, Name: family.first.String()}}
			Expect(s.gateway.Block(ctx, blocked, harness.Reject)).To(Succeed())
			send(ctx, s, "47")
			Expect(s.observe(ctx).Doubts).To(ContainElement(ContainSubstring("GRE to " + family.first.String())))
		}, SpecTimeout(20*time.Second))

		It("does not leave a confinement over "+family.name+", whatever the owner wishes", func(ctx SpecContext) {
			s := newStreet(ctx, func(c *gateway.Config) { c.OtherProtocols = true })
			s.offer(ctx, family.first, 443)
			uplink := s.tapOutside(ctx)
			open := []harness.Destination{{Protocol: "tcp", Port: 443, Name: family.first.String()}}
			Expect(s.gateway.Confine(ctx, open, harness.Reject)).To(Succeed())
			send(ctx, s, "47")
			Expect(s.observe(ctx).Untested).To(HaveExactElements(harness.Untested{What: "GRE", To: family.first, Packets: 1, Dropped: true}))
			Expect(uplink.to(family.first)).To(BeZero())
		}, SpecTimeout(20*time.Second))
	}
})

// ping sends one ICMP echo request, and waits for its reply.
func ping(ctx context.Context, from *netns.Namespace, to netip.Addr, wait time.Duration) error {
	network, local, protocol := "ip4:icmp", "0.0.0.0", 1
	var asks, answers icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	if to.Is6() {
		network, local, protocol = "ip6:ipv6-icmp", "::", 58
		asks, answers = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	socket, err := from.ListenPacket(ctx, network, local)
	if err != nil {
		return err
	}
	defer socket.Close()
	request, err := (&icmp.Message{Type: asks, Body: &icmp.Echo{ID: 7, Seq: 1, Data: []byte("hello")}}).Marshal(nil)
	if err != nil {
		return err
	}
	if err := socket.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := socket.WriteTo(request, &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	for {
		n, _, err := socket.ReadFrom(buffer)
		if err != nil {
			return fmt.Errorf("no reply: %w", err)
		}
		if message, err := icmp.ParseMessage(protocol, buffer[:n]); err == nil && message.Type == answers {
			return nil
		}
	}
}
