package seen

import (
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
)

// decoder makes records of packets. Its layers are used again for each packet.
type decoder struct {
	table   *Table
	parsers map[layers.LinkType]*gopacket.DecodingLayerParser
	decoded []gopacket.LayerType
	hellos  *names.Hellos
	macs    map[[6]byte]string
	hosts   map[string]string // names that devices gave themselves in DHCP, by MAC address

	ethernet layers.Ethernet
	tag      layers.Dot1Q
	cooked   layers.LinuxSLL
	cooked2  layers.LinuxSLL2
	loopback layers.Loopback
	ip4      layers.IPv4
	ip6      layers.IPv6
	skipped  layers.IPv6ExtensionSkipper
	tcp      layers.TCP
	udp      layers.UDP
	icmp4    layers.ICMPv4
	icmp6    layers.ICMPv6
}

// mostMACs limits the MAC addresses that are recorded as texts.
const mostMACs = 4096

func newDecoder(t *Table) *decoder {
	d := &decoder{table: t, hellos: names.NewHellos(), macs: map[[6]byte]string{}, hosts: map[string]string{}}
	first := map[layers.LinkType]gopacket.LayerType{
		layers.LinkTypeEthernet:  layers.LayerTypeEthernet,
		layers.LinkTypeLinuxSLL:  layers.LayerTypeLinuxSLL,
		layers.LinkTypeLinuxSLL2: layers.LayerTypeLinuxSLL2,
		layers.LinkTypeNull:      layers.LayerTypeLoopback,
		layers.LinkTypeLoop:      layers.LayerTypeLoopback,
		layers.LinkTypeIPv4:      layers.LayerTypeIPv4,
		layers.LinkTypeIPv6:      layers.LayerTypeIPv6,
	}
	d.parsers = map[layers.LinkType]*gopacket.DecodingLayerParser{}
	for link, layer := range first {
		d.parsers[link] = d.parser(layer)
	}
	return d
}

func (d *decoder) parser(first gopacket.LayerType) *gopacket.DecodingLayerParser {
	p := gopacket.NewDecodingLayerParser(first, &d.ethernet, &d.tag, &d.cooked, &d.cooked2, &d.loopback,
		&d.ip4, &d.ip6, &d.skipped, &d.tcp, &d.udp, &d.icmp4, &d.icmp6)
	p.IgnoreUnsupported = true
	return p
}

// parserOf is the parser of a packet. Packets without a link layer say their version of
// IP themselves.
func (d *decoder) parserOf(f frame) *gopacket.DecodingLayerParser {
	const raw, rawOpenBSD, rawLinux = 101, 14, 12
	switch link := int(f.link); {
	case len(f.data) == 0:
		return nil
	case link != raw && link != rawOpenBSD && link != rawLinux:
		return d.parsers[f.link]
	case f.data[0]>>4 == 6:
		return d.parsers[layers.LinkTypeIPv6]
	}
	return d.parsers[layers.LinkTypeIPv4]
}

// take notes a packet, and reports whether it is of IP.
func (d *decoder) take(f frame) (isIP bool) {
	parser := d.parserOf(f)
	if parser == nil {
		return false
	}
	_ = parser.DecodeLayers(f.data, &d.decoded) // what is broken or cut off ends the layers
	p := Packet{At: f.at, Bytes: uint64(f.length)}
	var from, to netip.Addr
	for _, layer := range d.decoded {
		switch layer {
		case layers.LayerTypeEthernet:
			p.FromMAC = d.mac(d.ethernet.SrcMAC)
		case layers.LayerTypeLinuxSLL:
			p.FromMAC = d.mac(d.cooked.Addr)
		case layers.LayerTypeIPv4:
			from, to, isIP = address(d.ip4.SrcIP), address(d.ip4.DstIP), true
		case layers.LayerTypeIPv6:
			from, to, isIP = address(d.ip6.SrcIP), address(d.ip6.DstIP), true
		case layers.LayerTypeTCP:
			p.Protocol, p.Opens = harness.TCP, d.tcp.SYN && !d.tcp.ACK
			p.From, p.To = netip.AddrPortFrom(from, uint16(d.tcp.SrcPort)), netip.AddrPortFrom(to, uint16(d.tcp.DstPort))
			d.stream(p)
		case layers.LayerTypeUDP:
			p.Protocol = harness.UDP
			p.From, p.To = netip.AddrPortFrom(from, uint16(d.udp.SrcPort)), netip.AddrPortFrom(to, uint16(d.udp.DstPort))
			d.datagram(p)
		case layers.LayerTypeICMPv4, layers.LayerTypeICMPv6:
			if !d.echo(layer) {
				return true
			}
			p.Protocol = harness.ICMP
			p.From, p.To = netip.AddrPortFrom(from, 0), netip.AddrPortFrom(to, 0)
		}
	}
	if p.Protocol != "" && (p.Protocol == harness.ICMP || p.To.Port() > 0) {
		d.table.Packet(p)
	}
	return isIP
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func (d *decoder) mac(address net.HardwareAddr) string {
	if len(address) != 6 {
		return ""
	}
	key := [6]byte(address)
	text, ok := d.macs[key]
	if !ok {
		if len(d.macs) >= mostMACs {
			clear(d.macs)
		}
		text = address.String()
		d.macs[key] = text
	}
	return text
}

// echo reports whether an ICMP message is an echo request, or the answer to one.
func (d *decoder) echo(layer gopacket.LayerType) bool {
	if layer == layers.LayerTypeICMPv4 {
		kind := d.icmp4.TypeCode.Type()
		return kind == layers.ICMPv4TypeEchoRequest || kind == layers.ICMPv4TypeEchoReply
	}
	kind := d.icmp6.TypeCode.Type()
	return kind == layers.ICMPv6TypeEchoRequest || kind == layers.ICMPv6TypeEchoReply
}

// stream reads the name that a client asks a server for, and DNS answers.
func (d *decoder) stream(p Packet) {
	from, to := p.From.Addr(), p.To.Addr()
	if !d.table.chosen.own(from) || !foreign(to) {
		return
	}
	stream := names.Stream{From: p.From, To: p.To}
	if p.Opens {
		d.hellos.Begin(stream, d.tcp.Seq)
		return
	}
	if name := d.hellos.Add(stream, d.tcp.Seq, d.tcp.Payload); name != "" {
		d.table.Answer(from, name, "tls", to)
	}
}

const dnsPort = 53

// datagram reads DNS and DHCP.
func (d *decoder) datagram(p Packet) {
	switch {
	case p.From.Port() == dnsPort:
		answer := names.Overheard(harness.UDP, d.udp.Payload)
		d.table.Answer(p.To.Addr(), answer.Name, "dns", answer.Addresses...)
	case p.To.Port() == dnsPort:
		if name := queried(d.udp.Payload); name != "" {
			d.table.Query(p.At, p.From.Addr(), name, 1)
		}
	case p.From.Port() == 67 || p.To.Port() == 67:
		d.lease()
	}
}

// queried is the name that a DNS query is for; "" if a message is not one (RFC 1035
// section 4.1.1).
func queried(payload []byte) string {
	const header, flags, response, count = 12, 2, 0x80, 5
	if len(payload) <= header || payload[flags]&response != 0 || payload[count] != 1 {
		return ""
	}
	name, _, err := dns.UnpackDomainName(payload, header)
	if err != nil {
		return ""
	}
	return name
}

// lease reads which device has which address, and what it calls itself.
func (d *decoder) lease() {
	var message layers.DHCPv4
	if message.DecodeFromBytes(d.udp.Payload, gopacket.NilDecodeFeedback) != nil {
		return
	}
	mac := d.mac(message.ClientHWAddr)
	if mac == "" {
		return
	}
	for _, option := range message.Options {
		switch option.Type {
		case layers.DHCPOptHostname:
			if len(d.hosts) >= mostMACs {
				clear(d.hosts)
			}
			d.hosts[mac] = string(option.Data)
		case layers.DHCPOptMessageType:
			if len(option.Data) == 1 && layers.DHCPMsgType(option.Data[0]) == layers.DHCPMsgTypeAck {
				d.table.Identify(address(message.YourClientIP), mac, names.Canonical(d.hosts[mac]))
			}
		}
	}
}
