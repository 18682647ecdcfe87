package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A device, for example a camera that reaches peers behind a NAT, sends to a new port
// of the same address each time.
var _ = Describe("an address that is contacted on ever-changing ports", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			for _, family := range families {
				Context("with "+kind+", "+string(fault)+", "+family.name, func() { portSpecs(kind, fault, family) })
			}
		}
	}
})

func portSpecs(kind string, fault harness.Fault, family family) {
	It("is one destination, blocked and tried as a whole", func(ctx SpecContext) {
		s := newStreet(ctx, driver(kind))
		s.offer(ctx, family.first, 443) // so that somebody has these addresses
		s.offer(ctx, family.second, 443)
		uplink := s.tapOutside(ctx)
		every := harness.Destination{Protocol: "udp", Name: family.first.String()}
		traffic := s.gateway.Traffic()
		s.punch(ctx, family.first, 20000, watch.ManyPorts)
		Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(Equal(watch.ManyPorts))
		seen := s.observe(ctx)
		Expect(seen.Contacts).To(HaveExactElements(And(HaveField("Destination", every), HaveField("Tries", watch.ManyPorts))))
		passed, err := traffic.Look(seen.Contacts)
		Expect(err).NotTo(HaveOccurred())
		Expect(passed[every].Packets).To(BeNumerically(">=", watch.ManyPorts))

		Expect(s.gateway.Block(ctx, []harness.Destination{every}, fault)).To(Succeed())
		s.punch(ctx, family.first, 30000, 3*watch.ManyPorts)
		s.punch(ctx, family.second, 30000, 1)
		Eventually(func() int { return uplink.to(family.second) }).WithContext(ctx).Should(Equal(1))
		Expect(uplink.to(family.first)).To(Equal(watch.ManyPorts), "what was sent before has come out by then")
		seen = s.observe(ctx)
		Expect(seen.Broken).To(BeEmpty())
		Expect(contact(seen, every.String())).To(And(HaveField("Attempts", 3*watch.ManyPorts), HaveField("Answered", false)))

		Expect(s.gateway.Block(ctx, nil, fault)).To(Succeed())
		s.punch(ctx, family.first, 40000, 1)
		Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(Equal(watch.ManyPorts + 1))
	}, SpecTimeout(30*time.Second))
}

var _ = Describe("a device that scans the internet", Label("root"), func() {
	It("has a limited number of destinations, and what is left out is reported", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.offer(ctx, families[0].first, 443)
		Expect(reach(ctx, s.device, "tcp", families[0].first, 443)).To(Succeed())
		Expect(reach(ctx, s.device, "tcp", families[0].first, 443)).To(Succeed())
		for i := range 3000 {
			s.punch(ctx, netip.AddrFrom4([4]byte{100, 127, byte(i >> 8), byte(i)}), 9000, 1)
		}
		seen := s.observe(ctx)
		Expect(len(seen.Contacts)).To(And(BeNumerically(">", 100), BeNumerically("<=", 512)))
		Expect(contact(seen, "tcp/443/"+families[0].first.String()).Tries).To(Equal(2), "what is tried most often is not left out")
		Expect(seen.Untested).To(ContainElement(HaveField("What", "UDP beyond 512 destinations")))
		Expect(len(seen.Untested)).To(BeNumerically("<=", 20))

		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		s.punch(ctx, netip.MustParseAddr("100.126.0.1"), 9000, 1)
		Expect(s.observe(ctx).Contacts).To(BeEmpty(), "the number holds for the gateway's life")
	}, SpecTimeout(60*time.Second))
})

// punch sends a datagram to each of some ports from one socket, and waits for no reply.
func (s *street) punch(ctx context.Context, to netip.Addr, first, ports int) {
	GinkgoHelper()
	socket, err := s.device.ListenPacket(ctx, "udp", ":0")
	Expect(err).NotTo(HaveOccurred())
	defer socket.Close()
	for port := range ports {
		for {
			_, err = socket.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, uint16(first+port))))
			if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EHOSTUNREACH) { // a reject of an earlier one
				break
			}
		}
		Expect(err).NotTo(HaveOccurred())
	}
}
