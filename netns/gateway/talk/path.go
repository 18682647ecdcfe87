package talk

import (
	"net/netip"
	"slices"
)

// Topology is where a device and its controller are.
type Topology struct {
	Device     netip.Addr
	Controller []netip.Addr   // all addresses that it may have
	Machine    bool           // the controller runs on the gateway's own machine
	Inside     []netip.Prefix // the device's own networks
	Home       []netip.Prefix // the networks of the home behind the gateway's uplink
}

// Sees reports whether packets between the device and the controller cross the
// gateway. Two hosts of one network reach each other directly.
func (t Topology) Sees() bool {
	return t.Machine || !slices.ContainsFunc(t.Controller, t.inside)
}

// Exchange is what a device and its controller sent each other.
type Exchange struct {
	// Path is how the controller got the device's state.
	//
	//   - "lan": the device answered the controller.
	//   - "cloud": it did not, while it exchanged packets with hosts outside of the
	//     home. That is told only of a controller that the gateway sees.
	//   - "unknown": neither was seen. Nothing follows from packets that the gateway
	//     cannot see.
	Path string

	Outside  bool   // the device exchanged packets with hosts outside of the home
	Asked    uint64 // packets of the controller
	Answered uint64 // packets of the device
	Open     bool   // the device owes the controller a datagram
}

// Between sums up what these flows say of a device and its controller. Outside is what is known
// already: whether the device exchanged packets with hosts outside of the home.
func Between(flows []Flow, where Topology, outside bool) Exchange {
	var words tally
	for _, flow := range flows {
		v4, answered := flow.Remote.Addr().Is4(), flow.Received.Packets > 0
		switch {
		case where.told(flow) && answered:
			words.add(flow.Protocol, flow.Sent, flow.Received, v4)
		case where.asked(flow):
			words.add(flow.Protocol, flow.Received, flow.Sent, v4)
		case where.outside(flow) && answered:
			outside = true
		}
	}
	exchange := Exchange{Path: "unknown", Outside: outside, Asked: words.from, Answered: words.to, Open: words.open}
	switch {
	case words.told():
		exchange.Path = "lan"
	case outside && where.Sees():
		exchange.Path = "cloud"
	}
	return exchange
}

// Matters reports whether [Between] takes notice of a flow, by its ends.
func (t Topology) Matters(f Flow) bool { return t.talks(f) || t.outside(f) }

// talks reports whether a flow is of the device and the controller.
func (t Topology) talks(f Flow) bool { return t.told(f) || t.asked(f) }

// told, asked and outside report whether the device began a flow to the controller, the
// controller one to the device, and the device one to a host outside of the home.
func (t Topology) told(f Flow) bool {
	return f.Client.Addr() == t.Device && t.controls(f.Remote.Addr())
}

func (t Topology) asked(f Flow) bool {
	return t.controls(f.Client.Addr()) && f.Remote.Addr() == t.Device
}

func (t Topology) outside(f Flow) bool {
	return f.Client.Addr() == t.Device && !t.controls(f.Remote.Addr()) && !t.holds(f.Remote.Addr())
}

func (t Topology) controls(address netip.Addr) bool { return slices.Contains(t.Controller, address) }

func (t Topology) inside(address netip.Addr) bool {
	return slices.ContainsFunc(t.Inside, func(p netip.Prefix) bool { return p.Contains(address) })
}

// holds reports whether an address is of the home.
func (t Topology) holds(address netip.Addr) bool {
	return t.inside(address) || slices.ContainsFunc(t.Home, func(p netip.Prefix) bool { return p.Contains(address) })
}

// tally is what a device and its controller said to each other.
type tally struct {
	from, to       uint64 // packets of the controller, and of the device
	open           bool   // on some connection of UDP the device has sent less than the controller
	asked, replied uint64 // datagrams of the controller, and of the device except greetings
	contents       bool   // the device said more than a greeting
}

// The most that a packet of TCP has without contents: the headers of IP and TCP
// with its timestamps (RFC 7323), and in the first one of a connection 8 bytes of
// other options.
const (
	bareV4, bareV6 = 52, 72
	firstOptions   = 8
)

// The length of a greeting of miIO: the headers of IP and UDP, and 32 bytes. An
// answer has 16 more at least.
const greetingV4, greetingV6 = 60, 80

func (t *tally) add(protocol string, device, controller Count, v4 bool) {
	t.from += controller.Packets
	t.to += device.Packets
	bare, greeting := uint64(bareV6), uint64(greetingV6)
	if v4 {
		bare, greeting = bareV4, greetingV4
	}
	if protocol == "tcp" {
		t.contents = t.contents || device.Bytes > bare*device.Packets+firstOptions
		return
	}
	t.open = t.open || controller.Packets > device.Packets
	t.contents = t.contents || device.Bytes > greeting*device.Packets
	t.asked += controller.Packets
	if device.Bytes != greeting*device.Packets {
		t.replied += device.Packets
	}
}

// told reports whether the device answered. A kernel alone acknowledges TCP, and
// devices of miIO greet anyone who asks even when they answer nothing else: all that
// such a device says is as long as a greeting. Of a protocol with shorter answers
// more than half of what was asked must be replied to.
func (t *tally) told() bool { return t.contents || 2*t.replied > t.asked }
