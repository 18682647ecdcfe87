package conntrack

import (
	"encoding/binary"
	"iter"
	"net/netip"
)

// Flow is one connection that the kernel tracks.
type Flow struct {
	Protocol    uint8          // its number in IP headers
	Client      netip.AddrPort // who began it; the port is 0 if the protocol has none
	Target      netip.AddrPort // what it was begun to
	Remote      netip.AddrPort // who answers it, behind any address translation
	Mark        uint32
	Established bool // of TCP: it is open on both sides

	// What the client sent and received. It needs net.netfilter.nf_conntrack_acct.
	Sent, Received Count

	key key
	id  string // attribute CTA_ID
}

// Count is what went one way, headers of IP included.
type Count struct{ Packets, Bytes uint64 }

// key is what the kernel finds a connection by, as it wrote it.
type key struct {
	family uint8
	tuple  string // attribute CTA_TUPLE_ORIG
	zone   string // attribute CTA_ZONE, if there is one
}

// The kernel's numbers of attributes (linux/netfilter/nfnetlink_conntrack.h). Those of
// IP addresses and counters have the same ones within their own attributes.
const (
	tupleOriginal   = 1 // CTA_TUPLE_ORIG
	tupleReply      = 2 // CTA_TUPLE_REPLY
	protocolState   = 4 // CTA_PROTOINFO
	mark            = 8
	countersSent    = 9  // CTA_COUNTERS_ORIG
	countersReply   = 10 // CTA_COUNTERS_REPLY
	identity        = 12 // CTA_ID
	zone            = 18
	markMask        = 21 // CTA_MARK_MASK
	tupleIP         = 1  // CTA_TUPLE_IP
	tupleProtocol   = 2  // CTA_TUPLE_PROTO
	source4         = 1  // CTA_IP_V4_SRC
	destination4    = 2
	source6         = 3
	destination6    = 4
	protocolNumber  = 1 // CTA_PROTO_NUM
	sourcePort      = 2
	destinationPort = 3
	icmpID          = 4 // CTA_PROTO_ICMP_ID; its type and its code follow
	icmp6ID         = 7
	packets         = 1 // CTA_COUNTERS_PACKETS
	bytes           = 2
	stateTCP        = 1 // CTA_PROTOINFO_TCP
	stateOfTCP      = 1 // CTA_PROTOINFO_TCP_STATE

	established = 3 // TCP_CONNTRACK_ESTABLISHED of linux/netfilter/nf_conntrack_tcp.h
)

// attribute is one netlink attribute: its number, what it holds, and all of it.
type attribute struct {
	number      uint16
	value, data []byte
}

const (
	attributeHeader = 4
	attributeNumber = 0x3fff // without the flags
)

// attributes are those in data, up to the first that is not whole.
func attributes(data []byte) iter.Seq[attribute] {
	return func(yield func(attribute) bool) {
		for len(data) >= attributeHeader {
			length := int(binary.NativeEndian.Uint16(data))
			if length < attributeHeader || length > len(data) {
				return
			}
			number := binary.NativeEndian.Uint16(data[2:]) & attributeNumber
			if !yield(attribute{number, data[attributeHeader:length], data[:length]}) {
				return
			}
			data = data[min(aligned(length), len(data)):]
		}
	}
}

// aligned is a length with the padding of netlink.
func aligned(length int) int { return (length + 3) &^ 3 }

// parse reads what the kernel says of a connection. Without a tuple it is none.
func parse(family uint8, data []byte) (f Flow, ok bool) {
	f.key.family = family
	for a := range attributes(data) {
		switch a.number {
		case tupleOriginal:
			f.key.tuple = string(a.data)
			f.Client, f.Target, f.Protocol = tuple(a.value)
		case tupleReply:
			f.Remote, _, _ = tuple(a.value)
		case protocolState:
			f.Established = isEstablished(a.value)
		case mark:
			f.Mark = uint32(number(a.value))
		case countersSent:
			f.Sent = count(a.value)
		case countersReply:
			f.Received = count(a.value)
		case identity:
			f.id = string(a.data)
		case zone:
			f.key.zone = string(a.data)
		}
	}
	return f, f.key.tuple != "" && f.Client.Addr().IsValid()
}

func tuple(data []byte) (source, destination netip.AddrPort, protocol uint8) {
	var from, to netip.Addr
	var fromPort, toPort uint16
	for a := range attributes(data) {
		for b := range attributes(a.value) {
			switch {
			case a.number == tupleIP && (b.number == source4 || b.number == source6):
				from, _ = netip.AddrFromSlice(b.value)
			case a.number == tupleIP && (b.number == destination4 || b.number == destination6):
				to, _ = netip.AddrFromSlice(b.value)
			case a.number == tupleProtocol && b.number == protocolNumber:
				protocol = uint8(number(b.value))
			case a.number == tupleProtocol && b.number == sourcePort:
				fromPort = uint16(number(b.value))
			case a.number == tupleProtocol && b.number == destinationPort:
				toPort = uint16(number(b.value))
			}
		}
	}
	return netip.AddrPortFrom(from.Unmap(), fromPort), netip.AddrPortFrom(to.Unmap(), toPort), protocol
}

func isEstablished(data []byte) bool {
	for a := range attributes(data) {
		for b := range attributes(a.value) {
			if a.number == stateTCP && b.number == stateOfTCP {
				return number(b.value) == established
			}
		}
	}
	return false
}

func count(data []byte) (c Count) {
	for a := range attributes(data) {
		switch a.number {
		case packets:
			c.Packets = number(a.value)
		case bytes:
			c.Bytes = number(a.value)
		}
	}
	return c
}

// number is an unsigned number in network order, of 8 bytes at most.
func number(data []byte) (n uint64) {
	for _, b := range data[:min(len(data), 8)] {
		n = n<<8 | uint64(b)
	}
	return n
}
