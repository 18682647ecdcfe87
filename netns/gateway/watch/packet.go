package watch

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Packet is one logged packet of TCP or UDP, at Stray and Home of any protocol, with the addresses that device and
// destination know each other by.
type Packet struct {
	Point       Point
	Link        int              // index of the link it came in by; 0 when the gateway made it
	Protocol    string           // "tcp", "udp", or "" for others
	Kind        string           // of others: what they are called, as "GRE"
	Hardware    net.HardwareAddr // whose it is, where the kernel says so
	Source      netip.AddrPort
	Destination netip.AddrPort
	SYN         bool   // of TCP: asks for a new connection
	Sequence    uint32 // of TCP
	Payload     []byte // valid until the next packet
	At          time.Time
}

// decoder reads logged packets, reusing its memory.
type decoder struct {
	ip4     layers.IPv4
	ip6     layers.IPv6
	skipped layers.IPv6ExtensionSkipper
	tcp     layers.TCP
	udp     layers.UDP
	payload gopacket.Payload
	layers  []gopacket.LayerType
	parsers map[uint8]*gopacket.DecodingLayerParser
}

func newDecoder() *decoder {
	d := &decoder{}
	parser := func(first gopacket.LayerType) *gopacket.DecodingLayerParser {
		p := gopacket.NewDecodingLayerParser(first, &d.ip4, &d.ip6, &d.skipped, &d.tcp, &d.udp, &d.payload)
		p.IgnoreUnsupported = true
		return p
	}
	d.parsers = map[uint8]*gopacket.DecodingLayerParser{
		unix.AF_INET:  parser(layers.LayerTypeIPv4),
		unix.AF_INET6: parser(layers.LayerTypeIPv6),
	}
	return d
}

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
	attributes, err := netlink.NewAttributeDecoder(message.Data[nfgenmsgSize:])
	if err != nil {
		return entry{}, false
	}
	attributes.ByteOrder = binary.BigEndian
	for attributes.Next() {
		switch attributes.Type() {
		case attributeLink:
			e.link = int(attributes.Uint32())
		case attributeHost:
			e.hardware = hardware(attributes.Bytes())
		case attributeData:
			e.bytes = attributes.Bytes()
		case attributeName:
			e.point = Point(attributes.String())
		case attributeSeq:
			e.sequence, e.numbered = attributes.Uint32(), true
		}
	}
	return e, attributes.Err() == nil
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

// decode reads a packet's headers; ok is false for anything but whole headers of
// TCP or UDP, where other protocols do not count.
func (d *decoder) decode(e entry) (p Packet, ok bool) {
	parser := d.parsers[e.family]
	if parser == nil {
		return Packet{}, false
	}
	d.payload = nil
	if parser.DecodeLayers(e.bytes, &d.layers) != nil {
		return Packet{}, false
	}
	p = Packet{Point: e.point, Link: e.link, Hardware: e.hardware, At: time.Now()}
	var source, destination netip.Addr
	for _, layer := range d.layers {
		switch layer {
		case layers.LayerTypeIPv4:
			source, destination, p.Kind = address(d.ip4.SrcIP), address(d.ip4.DstIP), d.ip4.Protocol.String()
			p.ports(source, 0, destination, 0)
		case layers.LayerTypeIPv6:
			source, destination, p.Kind = address(d.ip6.SrcIP), address(d.ip6.DstIP), d.ip6.NextHeader.String()
			p.ports(source, 0, destination, 0)
		case layers.LayerTypeTCP:
			p.Protocol, p.SYN, p.Sequence = "tcp", d.tcp.SYN && !d.tcp.ACK, d.tcp.Seq
			p.ports(source, uint16(d.tcp.SrcPort), destination, uint16(d.tcp.DstPort))
			p.Payload = d.tcp.Payload
		case layers.LayerTypeUDP:
			p.Protocol = "udp"
			p.ports(source, uint16(d.udp.SrcPort), destination, uint16(d.udp.DstPort))
			p.Payload = d.udp.Payload
		}
	}
	others := p.Point == Stray || p.Point == Home
	return p, p.Protocol != "" || others && p.Source.IsValid()
}

func (p *Packet) ports(source netip.Addr, from uint16, destination netip.Addr, to uint16) {
	p.Source, p.Destination = netip.AddrPortFrom(source, from), netip.AddrPortFrom(destination, to)
}

func address(ip []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}
