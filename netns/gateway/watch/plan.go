package watch

import (
	"fmt"
	"slices"

	"github.com/needwant/needwant/netns/gateway/chains"
)

// Point is the place in the packet's way where it was logged.
type Point string

const (
	Outward Point = "needwant-out"   // by the device, before the filter: SYNs, datagrams, ICMP echoes, the first packet of an older connection
	Inward  Point = "needwant-in"    // the first answer to the device on a connection
	Answer  Point = "needwant-dns"   // a DNS answer from outside that was not caught, whole
	Hello   Point = "needwant-hello" // the device's first words on a connection of TCP
	Block   Point = "needwant-block" // stopped by the block, in either direction
	Stray   Point = "needwant-stray" // from another hardware address, or with a source address that is not in the device's network
	Other   Point = "needwant-other" // by the device, of a protocol that no block tests
	Home    Point = "needwant-home"  // to a host of the home network that the device is kept from
	fence   Point = "needwant-fence"
)

// group is the kernel's number for this log, and an unusual one: in a namespace
// that is the machine's own there may be other logs, mostly with small numbers.
const group = 24742

// snap is how many bytes of a packet are logged: an IPv6 header with an
// extension, and a TCP header.
const snap = 128

// helloPackets are those of a connection that may hold a ClientHello: the device's
// handshake, and a few segments more.
const helloPackets = 8

// helloSize is how much of each is logged: a hello has some two kilobytes.
const helloSize = 4096

// back is the chain of what goes to the device.
const back = "NEEDWANT-BACK"

// At is the target of a rule that logs at a point.
func At(point Point) string {
	return fmt.Sprintf("NFLOG --nflog-group %d --nflog-prefix %s --nflog-size %d", group, point, snap)
}

// wholeAt logs all of the packet, and hands it over at once.
func wholeAt(point Point) string {
	return fmt.Sprintf("NFLOG --nflog-group %d --nflog-prefix %s --nflog-threshold 1", group, point)
}

// first limits a rule to the first packet of a connection in one direction,
// "original" or "reply", since it began or since it was counted
// again.
func first(direction string) string { return upTo(direction, 1) }

func upTo(direction string, count int) string {
	return fmt.Sprintf("-m connbytes --connbytes 1:%d --connbytes-mode packets --connbytes-dir %s", count, direction)
}

func words() string {
	return fmt.Sprintf("NFLOG --nflog-group %d --nflog-prefix %s --nflog-size %d", group, Hello, helloSize)
}

// Chains are those that the log needs, in one family. They stand in mangle, so
// that what the filter stops is seen too. Only the device's own connections
// count, not its answers to somebody who asked it: hence --ctdir. A refusal
// (RST) is no answer.
func (l *Log) Chains(layout chains.Layout, family chains.Family) []chains.Chain {
	own := []chains.Chain{outward(layout, family), inward(layout, family)}
	if family == chains.IPv4 {
		own = append(own, l.fence.chain())
	}
	return own
}

// outward logs what the device sends, and hands on what comes back.
func outward(layout chains.Layout, family chains.Family) chains.Chain {
	in, echo := layout.Inside, chains.EchoOf(family)
	return chains.Chain{
		Table: "mangle", Name: "NEEDWANT-WATCH",
		Hooks: append(layout.Forwarded(family), layout.ToGateway(family)...),
		Rules: slices.Concat(
			[]chains.Rule{chains.Rulef("-o %s -j %s", in, back)},
			layout.SparedOutMarked(family),
			[]chains.Rule{
				chains.Rulef("-i %s -p tcp --syn -j %s", in, At(Outward)),
				chains.Rulef("-i %s -p tcp ! --syn -m conntrack --ctdir ORIGINAL %s -j %s", in, first("original"), At(Outward)),
				chains.Rulef("-i %s -p tcp ! --syn -m conntrack --ctdir ORIGINAL %s -j %s", in, upTo("original", helloPackets), words()),
				chains.Rulef("-i %s -p udp -m conntrack --ctdir ORIGINAL -j %s", in, At(Outward)),
				append(chains.Rulef("-i %s", in), append(echo.Request(), chains.Rulef("-j %s", At(Outward))...)...),
			}),
	}
}

// inward logs what comes back, from outside or from the gateway's own resolver.
func inward(layout chains.Layout, family chains.Family) chains.Chain {
	return chains.Chain{
		Table: "mangle", Name: back,
		Hooks: layout.FromGateway(family),
		Rules: slices.Concat(layout.SparedBack(family), []chains.Rule{
			chains.Rulef("-i %s -p udp --sport 53 -m conntrack --ctdir REPLY -j %s", layout.Uplink, wholeAt(Answer)),
			chains.Rulef("-i %s -p tcp --sport 53 -m conntrack --ctdir REPLY -j %s", layout.Uplink, wholeAt(Answer)),
			chains.Rulef("-p tcp ! --tcp-flags RST RST -m conntrack --ctdir REPLY %s -j %s", first("reply"), At(Inward)),
			chains.Rulef("-p udp -m conntrack --ctdir REPLY %s -j %s", first("reply"), At(Inward)),
			append(chains.EchoOf(family).Reply(), chains.Rulef("-m conntrack --ctdir REPLY %s -j %s", first("reply"), At(Inward))...),
		}),
	}
}
