package gateway_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// tagged begins what tells the packets of the wall bench apart, in their contents.
const tagged = "needwant-shot-"

func tag(number int) []byte { return fmt.Appendf(nil, "%s%06d.", tagged, number) }

// kindOf is a kind of packet, which is made with a tag in it.
type kindOf struct {
	name   string
	packet func(tag []byte) []byte
}

// path is where a packet comes from, and where it goes.
type path struct {
	from, to      netip.Addr
	gateway       netip.Addr // on the device's side
	server, owner netip.Addr // of a connection that the gateway knows: UDP, from port 5353 of the device to port 443
}

// kinds are those that are sent from an address to another: every protocol number,
// every set of flags of TCP, every type of ICMP, fragments, options, and errors about
// connections.
func kinds(p path) (all []kindOf) {
	from, to := p.from, p.to
	raw := func(protocol layers.IPProtocol, header ...byte) func([]byte) []byte {
		return func(tag []byte) []byte {
			return assembled(network(from, to, protocol), gopacket.Payload(append(slices.Clone(header), tag...)))
		}
	}
	icmp := map[bool]layers.IPProtocol{true: layers.IPProtocolICMPv4, false: layers.IPProtocolICMPv6}[from.Is4()]
	for protocol := range 256 {
		number := layers.IPProtocol(protocol)
		// Headers of IPv6 that lead to another one are made below; 59 is the end.
		if number == layers.IPProtocolTCP || number == layers.IPProtocolUDP || number == icmp || !from.Is4() && slices.Contains([]int{0, 43, 44, 60}, protocol) {
			continue
		}
		all = append(all, kindOf{fmt.Sprintf("protocol %d", protocol), raw(number, make([]byte, 24)...)})
	}
	for bits := range 256 {
		all = append(all, kindOf{"TCP " + flagsOf(bits), func(tag []byte) []byte { return flagged(from, to, byte(bits), tag) }})
	}
	for kind := range 256 {
		name := fmt.Sprintf("ICMP type %d", kind)
		if from.Is4() && kind == 8 || !from.Is4() && kind == 128 {
			name = "echo"
		}
		all = append(all, kindOf{name, func(tag []byte) []byte { return message(from, to, byte(kind), tag) }})
	}
	good := func(tag []byte) []byte { return udp(from, to, 5353, 443, tag) }
	all = append(all,
		kindOf{"UDP", good},
		kindOf{"wrong checksum", func(tag []byte) []byte {
			p := good(tag)
			p[len(p)-len(tag)-2] ^= 0x55
			p[len(p)-len(tag)-1] ^= 0x33
			return p
		}},
		kindOf{"wrong length", func(tag []byte) []byte { p := good(tag); p[len(p)-len(tag)-4] = 0xff; return p }},
	)
	if from.Is4() {
		all = append(all, fragments(from, to)...)
	} else {
		all = append(all, extended(p)...)
	}
	return append(all, failure("error about a connection with the target", p, to), failure("error about another connection", p, p.server))
}

// queries are for the DNS server at an address. Their names have the tag in them.
func queries(from, to netip.Addr) (all []kindOf) {
	for _, port := range []uint16{53, 10053} {
		all = append(all, kindOf{fmt.Sprintf("query to port %d", port), func(tag []byte) []byte {
			return udp(from, to, 5353, port, packed(new(dns.Msg).SetQuestion(string(tag)+"example.", dns.TypeA)))
		}})
	}
	return all
}

// failure is an ICMP error: that a reply of a server did not reach its host. Connection
// tracking calls it RELATED if there is such a connection.
func failure(name string, p path, server netip.Addr) kindOf {
	return kindOf{name, func(tag []byte) []byte {
		reply := udp(server, p.owner, 443, 5353, tag)
		if p.from.Is4() {
			return assembled(network(p.from, p.to, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(reply))
		}
		ip := network(p.from, p.to, layers.IPProtocolICMPv6)
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(1, 3)}
		Expect(icmp.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
		return assembled(ip, icmp, gopacket.Payload(append(make([]byte, 4), reply...)))
	}}
}

// flagsOf names flags of TCP, as "SYN+ACK".
func flagsOf(bits int) string {
	var names []string
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if bits&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

func flagged(from, to netip.Addr, bits byte, text []byte) []byte {
	GinkgoHelper()
	ip := network(from, to, layers.IPProtocolTCP)
	has := func(i int) bool { return bits&(1<<i) != 0 }
	segment := &layers.TCP{
		SrcPort: layers.TCPPort(20_000 + int(bits)), DstPort: 443, Seq: 7, Window: 1000,
		FIN: has(0), SYN: has(1), RST: has(2), PSH: has(3), ACK: has(4), URG: has(5), ECE: has(6), CWR: has(7),
	}
	Expect(segment.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, segment, gopacket.Payload(text))
}

// message is one of ICMP.
func message(from, to netip.Addr, kind byte, text []byte) []byte {
	GinkgoHelper()
	if from.Is4() {
		return assembled(network(from, to, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, 0), Id: uint16(kind)}, gopacket.Payload(text))
	}
	ip := network(from, to, layers.IPProtocolICMPv6)
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
	Expect(icmp.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, icmp, gopacket.Payload(append([]byte{0, kind, 0, 1}, text...)))
}

// fragments are parts of datagrams without the rest, and datagrams with options.
func fragments(from, to netip.Addr) (all []kindOf) {
	part := func(name string, protocol layers.IPProtocol, offset uint16, more bool, header int) kindOf {
		return kindOf{name, func(tag []byte) []byte {
			ip := network(from, to, protocol).(*layers.IPv4)
			ip.FragOffset, ip.Id = offset, binary.BigEndian.Uint16(tag[len(tag)-3:])
			if more {
				ip.Flags = layers.IPv4MoreFragments
			}
			text := append(make([]byte, header), tag...)
			return assembled(ip, gopacket.Payload(append(text, make([]byte, 7-(len(text)+7)%8)...)))
		}}
	}
	all = append(all,
		part("first fragment", layers.IPProtocolUDP, 0, true, 8), part("last fragment", layers.IPProtocolUDP, 3, false, 0),
		part("middle fragment", layers.IPProtocolTCP, 3, true, 0), part("fragment of GRE", layers.IPProtocolGRE, 0, true, 8))
	for name, option := range map[string]layers.IPv4Option{
		"source route": {OptionType: 131, OptionLength: 7, OptionData: []byte{4, 1, 1, 1, 1}},
		"record route": {OptionType: 7, OptionLength: 7, OptionData: []byte{4, 0, 0, 0, 0}},
		"router alert": {OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}},
	} {
		all = append(all, kindOf{"UDP, " + name, func(tag []byte) []byte {
			ip := network(from, to, layers.IPProtocolUDP).(*layers.IPv4)
			ip.Options = []layers.IPv4Option{option}
			udp := &layers.UDP{SrcPort: 5354, DstPort: 443}
			Expect(udp.SetNetworkLayerForChecksum(ip)).To(Succeed())
			return assembled(ip, udp, gopacket.Payload(tag))
		}})
	}
	return all
}

// extended are datagrams over IPv6 with headers between, and parts of datagrams without
// the rest.
func extended(p path) (all []kindOf) {
	const hops, routing, fragment, options = layers.IPProtocolIPv6HopByHop, layers.IPProtocolIPv6Routing, layers.IPProtocolIPv6Fragment, layers.IPProtocolIPv6Destination
	// The first two bytes of a header, the next header and the length, are in place.
	with := func(name string, to netip.Addr, first, next layers.IPProtocol, header ...byte) kindOf {
		return kindOf{name, func(tag []byte) []byte {
			ip := network(p.from, p.to, layers.IPProtocolUDP)
			datagram := &layers.UDP{SrcPort: 5354, DstPort: 443}
			Expect(datagram.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
			text := assembled(datagram, gopacket.Payload(tag))
			if next != layers.IPProtocolUDP {
				text = append(make([]byte, 24), tag...)
			}
			if more := first == fragment && header[3]&1 != 0; more && !strings.Contains(name, "length") {
				text = append(text, make([]byte, 7-(len(text)+7)%8)...) // parts but the last are of eights of bytes
			}
			header[0] = byte(next)
			return assembled(network(p.from, to, first), gopacket.Payload(append(slices.Clone(header), text...)))
		}}
	}
	through := func(name string, kind byte, header ...byte) kindOf {
		header = append([]byte{0, byte((len(header) + 16 - 4) / 8), kind, 1}, header...)
		return with(name, p.gateway, routing, layers.IPProtocolUDP, append(header, p.to.AsSlice()...)...)
	}
	const udp, gre = layers.IPProtocolUDP, layers.IPProtocolGRE
	return []kindOf{
		with("UDP, hop-by-hop options", p.to, hops, udp, 0, 0, 1, 4, 0, 0, 0, 0),
		with("UDP, router alert", p.to, hops, udp, 0, 0, 5, 2, 0, 0, 1, 0),
		with("UDP, destination options", p.to, options, udp, 0, 0, 1, 4, 0, 0, 0, 0),
		with("UDP, routing header that is used up", p.to, routing, udp, 0, 0, 0, 0, 0, 0, 0, 0),
		with("UDP, the only fragment", p.to, fragment, udp, 0, 0, 0, 0, 1, 2, 3, 4),
		with("GRE behind destination options", p.to, options, gre, 0, 0, 1, 4, 0, 0, 0, 0),
		with("GRE behind hop-by-hop options", p.to, hops, gre, 0, 0, 1, 4, 0, 0, 0, 0),
		with("first fragment", p.to, fragment, udp, 0, 0, 0, 1, 1, 2, 3, 5),
		with("UDP, first fragment with a wrong length", p.to, fragment, udp, 0, 0, 0, 1, 1, 2, 3, 8), // the kernel does not wait for the rest
		with("middle fragment with a wrong length", p.to, fragment, udp, 0, 0, 0, 25, 1, 2, 3, 9),
		with("last fragment", p.to, fragment, udp, 0, 0, 0, 24, 1, 2, 3, 6),
		with("fragment of GRE", p.to, fragment, gre, 0, 0, 0, 1, 1, 2, 3, 7),
		through("source route through the gateway", 0, 0, 0, 0, 0),
		through("mobile source route through the gateway", 2, 0, 0, 0, 0),
		through("segment route through the gateway", 4, 0, 0, 0, 0),
	}
}
