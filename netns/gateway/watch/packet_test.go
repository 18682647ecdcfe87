package watch_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/netlink"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/watch"
)

const packetMessage = unix.NFNL_SUBSYS_ULOG << 8

// message is a packet as the kernel logs it.
func message(family uint8, prefix string, packet []byte) netlink.Message {
	attributes, _ := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: 4, Data: binary.BigEndian.AppendUint32(nil, insideLink)},
		{Type: 10, Data: append([]byte(prefix), 0)},
		{Type: 9, Data: packet},
	})
	return netlink.Message{
		Header: netlink.Header{Type: packetMessage},
		Data:   append([]byte{family, 0, 0, 20}, attributes...),
	}
}

func serialized(parts ...gopacket.SerializableLayer) []byte {
	buffer := gopacket.NewSerializeBuffer()
	_ = gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true}, parts...)
	return buffer.Bytes()
}

var (
	overIPv4 = serialized(
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IPv4(192, 168, 50, 10), DstIP: net.IPv4(198, 51, 100, 1)},
		&layers.TCP{SrcPort: 40000, DstPort: 443, SYN: true, Seq: 77})
	overIPv6 = serialized(
		&layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("fd50::10"), DstIP: net.ParseIP("2001:db8::1")},
		&layers.UDP{SrcPort: 40000, DstPort: 53}, gopacket.Payload("question"))
	echo4 = serialized(between4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)})
	echo6 = serialized(between6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, gopacket.Payload("1234"))
)

func between4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: net.IPv4(192, 168, 50, 10), DstIP: net.IPv4(198, 51, 100, 1)}
}

func between6(protocol layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: net.ParseIP("fd50::10"), DstIP: net.ParseIP("2001:db8::1")}
}

var _ = Describe("a logged packet", func() {
	It("of TCP is read", func() {
		packet, ok := watch.Decode(message(unix.AF_INET, "needwant-out", overIPv4))
		Expect(ok).To(BeTrue())
		Expect(packet.Point).To(Equal(watch.Outward))
		Expect(packet.Link).To(Equal(insideLink))
		Expect(packet.Protocol).To(Equal("tcp"))
		Expect(packet.Source.String()).To(Equal("192.168.50.10:40000"))
		Expect(packet.Destination.String()).To(Equal("198.51.100.1:443"))
		Expect(packet.SYN).To(BeTrue())
		Expect(packet.Sequence).To(BeEquivalentTo(77))
	})

	It("of UDP over IPv6 is read, with what it carries", func() {
		packet, ok := watch.Decode(message(unix.AF_INET6, "needwant-dns", overIPv6))
		Expect(ok).To(BeTrue())
		Expect(packet.Protocol).To(Equal("udp"))
		Expect(packet.Destination.String()).To(Equal("[2001:db8::1]:53"))
		Expect(string(packet.Payload)).To(Equal("question"))
	})

	It("that was cut short behind its headers is read", func() {
		_, ok := watch.Decode(message(unix.AF_INET6, "needwant-out", overIPv6[:48]))
		Expect(ok).To(BeTrue())
	})

	DescribeTable("of ICMP is read if it is an echo", func(m netlink.Message, to string) {
		packet, ok := watch.Decode(m)
		Expect(ok).To(BeTrue())
		Expect(packet).To(HaveField("Protocol", "icmp"))
		Expect(packet.Destination.String()).To(Equal(to))
	},
		Entry(nil, message(unix.AF_INET, "needwant-out", echo4), "198.51.100.1:0"),
		Entry("over IPv6", message(unix.AF_INET6, "needwant-out", echo6), "[2001:db8::1]:0"),
		Entry("at the block", message(unix.AF_INET, "needwant-block", echo4), "198.51.100.1:0"),
		Entry("on the way back", message(unix.AF_INET, "needwant-in", serialized(between4(layers.IPProtocolICMPv4), &layers.ICMPv4{})), "198.51.100.1:0"),
	)

	DescribeTable("that no block tests is known by what it is called, and by its outer addresses", func(m netlink.Message, kind string) {
		packet, ok := watch.Decode(m)
		Expect(ok).To(BeTrue())
		Expect(packet).To(And(HaveField("Protocol", BeEmpty()), HaveField("Kind", kind)))
		Expect(packet.Destination.Addr().String()).To(Equal("198.51.100.1"))
	},
		Entry(nil, message(unix.AF_INET, "needwant-other", serialized(between4(layers.IPProtocolGRE), gopacket.Payload("12345678"))), "GRE"),
		Entry("though a packet of TCP is in it", message(unix.AF_INET, "needwant-other", serialized(between4(layers.IPProtocolIPv4),
			&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IPv4(10, 0, 0, 1), DstIP: net.IPv4(203, 0, 113, 1)},
			&layers.TCP{SrcPort: 40000, DstPort: 443})), "IPv4"),
		Entry("of ICMP", message(unix.AF_INET, "needwant-other", serialized(between4(layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(13, 0)})), "ICMP TimestampRequest"),
		Entry("of the other family's ICMP", message(unix.AF_INET, "needwant-other", serialized(between4(layers.IPProtocolICMPv6), gopacket.Payload("\x80\x001234"))), "ICMPv6"),
	)

	DescribeTable("that is something else is left out", func(m netlink.Message) {
		_, ok := watch.Decode(m)
		Expect(ok).To(BeFalse())
	},
		Entry("cut in its headers", message(unix.AF_INET, "needwant-out", overIPv4[:24])),
		Entry("of another family", message(unix.AF_BRIDGE, "needwant-out", overIPv4)),
		Entry("empty", message(unix.AF_INET, "needwant-out", nil)),
		Entry("ICMP that is not an echo", message(unix.AF_INET, "needwant-out", serialized(between4(layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(13, 0)}))),
		Entry("no packet message", netlink.Message{Header: netlink.Header{Type: netlink.Done}}),
	)
})

func FuzzDecode(f *testing.F) {
	f.Add(message(unix.AF_INET, "needwant-out", overIPv4).Data)
	f.Add(message(unix.AF_INET6, "needwant-block", overIPv6).Data)
	f.Add(message(unix.AF_INET, "needwant-other", echo4).Data)
	f.Add(message(unix.AF_INET6, "needwant-in", echo6).Data)
	f.Fuzz(func(t *testing.T, content []byte) {
		packet, ok := watch.Decode(netlink.Message{Header: netlink.Header{Type: packetMessage}, Data: content})
		if ok && (!packet.Source.IsValid() || packet.Kind == "") {
			t.Errorf("half a packet: %+v", packet)
		}
	})
}
