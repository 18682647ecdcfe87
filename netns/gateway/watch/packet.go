package watch

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// Packet is one logged packet, with the addresses that device and destination know
// each other by. At Stray, Home and Other it may have any protocol.
type Packet struct {
	Point       Point
	Link        int              // index of the interface where it came in; 0 when the gateway made it
	Protocol    string           // harness.TCP, harness.UDP, harness.ICMP for an echo or its reply, or "" for others
	Kind        string           // what the protocol is called, e.g. "GRE" or "ICMP TimestampRequest"
	Hardware    net.HardwareAddr // of the sender, if the kernel says so
	Source      netip.AddrPort   // with port 0 if the protocol has no ports
	Destination netip.AddrPort
	SYN         bool   // of TCP: asks for a new connection
	Sequence    uint32 // of TCP
	Payload     []byte // of TCP and UDP; valid until the next packet
	At          time.Time
}

// decoder reads logged packets, reusing its memory.
type decoder struct {
	ip4     layers.IPv4
	ip6     layers.IPv6
	skipped layers.IPv6ExtensionSkipper
	tcp     layers.TCP
	udp     layers.UDP
	icmp4   layers.ICMPv4
	icmp6   layers.ICMPv6
}

func newDecoder() *decoder { return &decoder{} }

// entry is what the kernel says of one packet (linux/netfilter/nfnetlink_log.h).
type entry struct {
	family   uint8
	point    Point
	link     int
	sequence uint32
	numbered bool
	hardware net.HardwareAddr
	bytes    []byte
}

const (
	nfgenmsgSize  = 4
	attributeLink = 4  // NFULA_IFINDEX_INDEV
	attributeHost = 8  // NFULA_HWADDR
	attributeData = 9  // NFULA_PAYLOAD
	attributeName = 10 // NFULA_PREFIX
	attributeSeq  = 12 // NFULA_SEQ
)

func parseEntry(message netlink.Message) (e entry, ok bool) {
	if message.Header.Type != packetMessage || len(message.Data) < nfgenmsgSize {
		return entry{}, false
	}
	e.family = message.Data[0]
	for rest := message.Data[nfgenmsgSize:]; len(rest) > 0; {
		var kind uint16
		var value []byte
		if kind, value, rest, ok = cutAttribute(rest); !ok {
			return entry{}, false
		}
		switch kind {
		case attributeLink:
			e.link = int(number(value))
		case attributeHost:
			e.hardware = hardware(value)
		case attributeData:
			e.bytes = value
		case attributeName:
			e.point = Point(bytes.TrimRight(value, "\x00"))
		case attributeSeq:
			e.sequence, e.numbered = number(value), true
		}
	}
	return e, true
}

// cutAttribute reads the netlink attribute that data begins with. In contrast to
// [netlink.AttributeDecoder] it copies nothing: a device may send any number of packets.
func cutAttribute(data []byte) (kind uint16, value, rest []byte, ok bool) {
	const head, align, flags = unix.SizeofNlAttr, unix.NLA_ALIGNTO, unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	if len(data) < head {
		return 0, nil, nil, false
	}
	length := int(binary.NativeEndian.Uint16(data))
	if length < head || length > len(data) {
		return 0, nil, nil, false
	}
	next := min((length+align-1)/align*align, len(data))
	return binary.NativeEndian.Uint16(data[2:]) &^ flags, data[head:length], data[next:], true
}

// number is 0 if the value is not one of 32 bits.
func number(value []byte) uint32 {
	if len(value) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

// hardware is the address in struct nfulnl_msg_packet_hw: its length, two bytes
// that mean nothing, and room for eight.
func hardware(data []byte) net.HardwareAddr {
	const at = 4
	if len(data) < at {
		return nil
	}
	length := int(binary.BigEndian.Uint16(data))
	return slices.Clone(data[at:min(len(data), at+length)])
}

// decode reads a packet's headers; ok is false if they are not whole, and for a
// protocol that does not count at the packet's point.
func (d *decoder) decode(e entry) (p Packet, ok bool) {
	p = Packet{Point: e.point, Link: e.link, Hardware: e.hardware, At: time.Now()}
	upper, payload, ok := d.network(e, &p)
	if !ok {
		return Packet{}, false
	}
	p.Kind = upper.String()
	whole := d.transport(&p, upper, payload)
	others := p.Point == Stray || p.Point == Home || p.Point == Other
	return p, others || whole && p.Protocol != ""
}

// network reads the IP header, and returns the protocol in it and what it carries.
// A packet in a packet is a protocol like any other: nothing in it is read.
func (d *decoder) network(e entry, p *Packet) (upper layers.IPProtocol, payload []byte, ok bool) {
	switch e.family {
	case unix.AF_INET:
		if d.ip4.DecodeFromBytes(e.bytes, gopacket.NilDecodeFeedback) != nil {
			return 0, nil, false
		}
		p.between(address(d.ip4.SrcIP), 0, address(d.ip4.DstIP), 0)
		return d.ip4.Protocol, d.ip4.Payload, d.ip4.FragOffset == 0
	case unix.AF_INET6:
		if d.ip6.DecodeFromBytes(e.bytes, gopacket.NilDecodeFeedback) != nil {
			return 0, nil, false
		}
		p.between(address(d.ip6.SrcIP), 0, address(d.ip6.DstIP), 0)
		upper, payload = d.ip6.NextHeader, d.ip6.Payload
		if d.ip6.HopByHop != nil {
			upper = d.ip6.HopByHop.NextHeader
		}
		for layers.LayerClassIPv6Extension.Contains(upper.LayerType()) {
			if d.skipped.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil {
				return 0, nil, false
			}
			upper, payload = d.skipped.NextHeader, d.skipped.Payload
		}
		return upper, payload, true
	}
	return 0, nil, false
}

// transport reads the header of TCP, UDP and ICMP; whole is false if it is not all
// there.
func (d *decoder) transport(p *Packet, upper layers.IPProtocol, payload []byte) (whole bool) {
	feedback := gopacket.NilDecodeFeedback
	switch upper {
	case layers.IPProtocolTCP:
		if d.tcp.DecodeFromBytes(payload, feedback) != nil {
			return false
		}
		p.Protocol, p.SYN, p.Sequence, p.Payload = harness.TCP, d.tcp.SYN && !d.tcp.ACK, d.tcp.Seq, d.tcp.Payload
		p.between(p.Source.Addr(), uint16(d.tcp.SrcPort), p.Destination.Addr(), uint16(d.tcp.DstPort))
	case layers.IPProtocolUDP:
		if d.udp.DecodeFromBytes(payload, feedback) != nil {
			return false
		}
		p.Protocol, p.Payload = harness.UDP, d.udp.Payload
		p.between(p.Source.Addr(), uint16(d.udp.SrcPort), p.Destination.Addr(), uint16(d.udp.DstPort))
	case layers.IPProtocolICMPv4:
		if d.icmp4.DecodeFromBytes(payload, feedback) != nil {
			return false
		}
		p.icmp(chains.IPv4, d.icmp4.TypeCode.Type(), d.icmp4.TypeCode.String())
	case layers.IPProtocolICMPv6:
		if d.icmp6.DecodeFromBytes(payload, feedback) != nil {
			return false
		}
		p.icmp(chains.IPv6, d.icmp6.TypeCode.Type(), d.icmp6.TypeCode.String())
	}
	return true
}

// icmp tells an ICMP echo, or the reply to one, from the other types of ICMP. In the
// other family's packets ICMP is a protocol like any other.
func (p *Packet) icmp(family chains.Family, kind uint8, name string) {
	if chains.FamilyOf(p.Destination.Addr()) != family {
		return
	}
	p.Kind = "ICMP " + name
	if echo := chains.EchoOf(family); kind == echo.Asks || kind == echo.Answers {
		p.Protocol = harness.ICMP
	}
}

func (p *Packet) between(source netip.Addr, from uint16, destination netip.Addr, to uint16) {
	p.Source, p.Destination = netip.AddrPortFrom(source, from), netip.AddrPortFrom(destination, to)
}

func address(ip []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}
