package talk

import (
	"net/netip"
	"slices"
)

// House is where a device and its controller stand.
type House struct {
	Device     netip.Addr
	Controller []netip.Addr   // all addresses that it may have
	Inside     []netip.Prefix // the device's own networks
	Home       []netip.Prefix // the networks of the home that lie behind the gateway's uplink
}

// Path tells how a controller came by the device's state while these flows moved.
//
//   - "lan": the device answered the controller.
//   - "cloud": it did not, and exchanged packets with what lies outside of the
//     house.
//   - "unknown": neither was seen.
//
// A gateway sees nothing of a controller in the device's own network and the
// device. It sees what that controller has to do with the internet: where that is
// nothing, the state can only have come by "lan".
func Path(flows []Flow, house House) string {
	var words tally
	outside, away := false, false
	for _, flow := range flows {
		from, to := flow.Client.Addr(), flow.Remote.Addr()
		answered := flow.Received.Packets > 0
		switch {
		case from == house.Device && house.controls(to) && answered:
			words.add(flow.Protocol, flow.Sent, flow.Received, to.Is4())
		case house.controls(from) && to == house.Device:
			words.add(flow.Protocol, flow.Received, flow.Sent, to.Is4())
		case from == house.Device && answered && !house.holds(to):
			outside = true
		case house.controls(from) && answered && !house.holds(to):
			away = true
		}
	}
	switch behind := slices.ContainsFunc(house.Controller, house.inside); {
	case words.told(), behind && !away:
		return "lan"
	case outside && !behind:
		return "cloud"
	}
	return "unknown"
}

func (h House) controls(address netip.Addr) bool { return slices.Contains(h.Controller, address) }

func (h House) inside(address netip.Addr) bool {
	return slices.ContainsFunc(h.Inside, func(p netip.Prefix) bool { return p.Contains(address) })
}

// holds tells whether an address is of the house.
func (h House) holds(address netip.Addr) bool {
	return h.inside(address) || slices.ContainsFunc(h.Home, func(p netip.Prefix) bool { return p.Contains(address) })
}

// tally is what a device and its controller said to each other.
type tally struct {
	asked, replied uint64 // datagrams of the controller, and of the device but for greetings
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
	bare, greeting := uint64(bareV6), uint64(greetingV6)
	if v4 {
		bare, greeting = bareV4, greetingV4
	}
	if protocol == "tcp" {
		t.contents = t.contents || device.Bytes > bare*device.Packets+firstOptions
		return
	}
	t.contents = t.contents || device.Bytes > greeting*device.Packets
	t.asked += controller.Packets
	if device.Bytes != greeting*device.Packets {
		t.replied += device.Packets
	}
}

// told tells whether the device answered. A kernel alone acknowledges TCP, and
// devices of miIO greet whoever asks even when they answer nothing else: all that
// such a device says is as long as a greeting. Of a protocol with shorter answers
// more than half of what was asked must be replied to.
func (t *tally) told() bool { return t.contents || 2*t.replied > t.asked }
