package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/netnstest"
)

// A hostile device, and a hostile internet. Packets are made by hand, and given to a
// link as they are.
var _ = Describe("the walls of a gateway", Label("root"), func() {
	for _, family := range families {
		Context("over "+family.name, func() { wallSpecs(family) })
	}
})

func wallSpecs(family family) {
	var (
		s      *street
		uplink *tap
	)
	controller, router := netip.MustParseAddr(family.controller), netip.MustParseAddr(map[bool]string{true: "192.168.1.1", false: "fd01::1"}[family.first.Is4()])
	own, server := netip.MustParseAddr(family.device), family.unassigned

	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx, deviceAlone, func(c *gateway.Config) { c.Controllers = nil })
		s.offer(ctx, family.first, 443)
		uplink = s.tapOutside(ctx)
		Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed(), "the neighbours know each other")
	}, NodeTimeout(20*time.Second))

	// settled is when everything that was sent has passed, or not.
	settled := func(ctx context.Context) {
		GinkgoHelper()
		before := uplink.to(family.second)
		_ = try(ctx, s.device, "tcp", family.second, 9)
		Eventually(func() int { return uplink.to(family.second) }).WithContext(ctx).Should(BeNumerically(">", before))
	}

	It("let nothing in from the device with another source address than one in its network", func(ctx SpecContext) {
		false4 := []string{family.controller, router.String(), family.gateway, family.second.String()}
		false4 = append(false4, map[bool][]string{true: {"169.254.9.9", "127.0.0.1", "10.1.2.3"}, false: {"fd99::1", "2001:db8:9::1"}}[family.first.Is4()]...)
		for _, source := range false4 {
			s.send(ctx, datagram(netip.MustParseAddr(source), server, "hello"))
		}
		settled(ctx)
		Expect(uplink.to(server)).To(BeZero(), "so that no reply can open the home network")
		Expect(uplink.to(controller)).To(BeZero())

		seen := s.observe(ctx)
		Expect(seen.Doubts).To(BeEmpty(), "nothing went round the block")
		Expect(seen.Untested).To(ContainElement(harness.Untested{What: "UDP from " + family.controller, To: server, Packets: 1, Dropped: true}))
		s.send(ctx, datagram(own, server, "hello"))
		Eventually(func() int { return uplink.to(server) }).WithContext(ctx).Should(Equal(1), "this is how a packet comes that may")
	}, SpecTimeout(20*time.Second))

	It("let no packet out that belongs to no connection", func(ctx SpecContext) {
		for _, to := range []netip.Addr{controller, router, server} {
			for _, flags := range []layers.TCP{{SYN: true, ACK: true}, {RST: true}, {FIN: true}, {}, {FIN: true, URG: true, PSH: true}, {RST: true, ACK: true}} {
				s.send(ctx, segment(own, to, flags))
			}
			s.send(ctx, wrongChecksum(datagram(own, to, "hello")), echoReply(own, to))
		}
		settled(ctx)
		Expect(uplink.to(controller)).To(BeZero())
		Expect(uplink.to(router)).To(BeZero())
		Expect(uplink.to(server)).To(BeZero())
	}, SpecTimeout(20*time.Second))

	It("let no packet out of another hardware address", func(ctx SpecContext) {
		other := netip.MustParseAddr(map[bool]string{true: "192.168.50.66", false: "fd50::66"}[family.first.Is4()])
		for _, to := range []netip.Addr{controller, server} {
			for _, packet := range [][]byte{
				datagram(other, to, "hello"), datagram(own, to, "hello"), wrongChecksum(datagram(other, to, "hello")), echoReply(other, to),
				segment(other, to, layers.TCP{SYN: true}), segment(other, to, layers.TCP{RST: true}), segment(other, to, layers.TCP{SYN: true, ACK: true}),
			} {
				s.sendAs(ctx, net.HardwareAddr{2, 0, 0, 0, 0, 0x66}, packet)
			}
		}
		settled(ctx)
		Expect(uplink.to(controller)).To(BeZero())
		Expect(uplink.to(server)).To(BeZero())
	}, SpecTimeout(20*time.Second))

	It("forward nothing from the home network but to the device", func(ctx SpecContext) {
		elsewhere := netip.MustParseAddr(map[bool]string{true: "9.9.9.9", false: "2001:4860::9"}[family.first.Is4()])
		programs := netip.MustParseAddr(map[bool]string{true: "169.254.7.1", false: "fd07::1"}[family.first.Is4()])
		cable := s.layCable(ctx, programs)
		for _, to := range []netip.Addr{elsewhere, programs} {
			for _, from := range []netip.Addr{controller, family.second} {
				frame(ctx, s.outside, "o0", s.middle, "up0", nil, datagram(from, to, "hello"), segment(from, to, layers.TCP{SYN: true}), segment(from, to, layers.TCP{RST: true}))
			}
		}
		settled(ctx)
		Expect(uplink.to(elsewhere)).To(BeZero())
		Expect(cable.to(programs)).To(BeZero())

		echo(ctx, s.device, net.JoinHostPort(family.device, "54321"))
		Expect(reach(ctx, s.outside, "udp", own, 54321)).To(Succeed(), "controllers reach the device")
	}, SpecTimeout(20*time.Second))
}

// layCable lays a link to the machine's own programs, at an address, and taps it.
func (s *street) layCable(ctx context.Context, programs netip.Addr) *tap {
	GinkgoHelper()
	machine := netnstest.New()
	Expect(netns.Veth(netns.End{Namespace: machine, Name: "m0"}, netns.End{Namespace: s.middle, Name: "machine"})).To(Succeed())
	bits := map[bool]int{true: 30, false: 64}[programs.Is4()]
	Expect(machine.AddAddress("m0", netip.PrefixFrom(programs, bits))).To(Succeed())
	Expect(s.middle.AddAddress("machine", netip.PrefixFrom(programs.Next(), bits))).To(Succeed())
	return newTap(ctx, machine, "m0")
}

// send gives the device's link packets.
func (s *street) send(ctx context.Context, packets ...[]byte) {
	GinkgoHelper()
	frame(ctx, s.device, "d0", s.middle, "in0", nil, packets...)
}

// sendAs does it with another hardware address.
func (s *street) sendAs(ctx context.Context, mac net.HardwareAddr, packets ...[]byte) {
	GinkgoHelper()
	frame(ctx, s.device, "d0", s.middle, "in0", mac, packets...)
}

// frame gives a link packets for the other end of its cable. A MAC that is nil is the
// link's own.
func frame(_ context.Context, from *netns.Namespace, link string, to *netns.Namespace, far string, mac net.HardwareAddr, packets ...[]byte) {
	GinkgoHelper()
	near, err := from.Netlink().LinkByName(link)
	Expect(err).NotTo(HaveOccurred())
	other, err := to.Netlink().LinkByName(far)
	Expect(err).NotTo(HaveOccurred())
	if mac == nil {
		mac = near.Attrs().HardwareAddr
	}
	Expect(from.Do(func() error {
		socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		for _, packet := range packets {
			kind := []byte{0x08, 0x00}
			if packet[0]>>4 == 6 {
				kind = []byte{0x86, 0xdd}
			}
			whole := append(append(append(append([]byte{}, other.Attrs().HardwareAddr...), mac...), kind...), packet...)
			if err := unix.Sendto(socket, whole, 0, &unix.SockaddrLinklayer{Ifindex: near.Attrs().Index}); err != nil {
				return err
			}
		}
		return nil
	})).To(Succeed())
}

// network is the IP layer of a packet.
func network(from, to netip.Addr, protocol layers.IPProtocol) gopacket.SerializableLayer {
	if from.Is4() {
		return &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	}
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
}

func assembled(parts ...gopacket.SerializableLayer) []byte {
	GinkgoHelper()
	buffer := gopacket.NewSerializeBuffer()
	Expect(gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...)).To(Succeed())
	return buffer.Bytes()
}

func datagram(from, to netip.Addr, text string) []byte {
	GinkgoHelper()
	ip := network(from, to, layers.IPProtocolUDP)
	udp := &layers.UDP{SrcPort: 5353, DstPort: 443}
	Expect(udp.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, udp, gopacket.Payload(text))
}

// wrongChecksum spoils a datagram's.
func wrongChecksum(datagram []byte) []byte {
	at := len(datagram) - len("hello") - 2
	datagram[at], datagram[at+1] = datagram[at]^0x55, datagram[at+1]^0x55
	return datagram
}

func segment(from, to netip.Addr, flags layers.TCP) []byte {
	GinkgoHelper()
	ip := network(from, to, layers.IPProtocolTCP)
	flags.SrcPort, flags.DstPort, flags.Seq, flags.Window = 40000, 443, 7, 1000
	Expect(flags.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, &flags, gopacket.Payload("hello"))
}

func echoReply(from, to netip.Addr) []byte {
	GinkgoHelper()
	if from.Is4() {
		return assembled(network(from, to, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(0, 0), Id: 7}, gopacket.Payload("hello"))
	}
	ip := network(from, to, layers.IPProtocolICMPv6)
	reply := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(129, 0)}
	Expect(reply.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, reply, gopacket.Payload("\x00\x07\x00\x01hello"))
}
