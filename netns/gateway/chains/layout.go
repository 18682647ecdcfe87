package chains

import (
	"net"
	"net/netip"
)

// Layout says between which links a gateway stands, and whose traffic counts.
type Layout struct {
	Inside string // link to the device
	Uplink string // link to the home LAN and the internet

	// MAC is the device's hardware address; nil counts everything that comes in
	// by the inside link, which suits a link that the device has for itself.
	MAC net.HardwareAddr

	// LAN is the home network behind the uplink: controllers, not destinations.
	LAN []netip.Prefix
}

// ownMark is the bit by which connections of a device with a known hardware
// address are recognised on their way back, where no packet tells it.
const ownMark = "0x02000000/0x02000000"

// SparedOut are the rules that let what comes in by the inside link leave a
// chain, where it is not from the device or not for the internet. They stand
// first in it. The kernel allows them in PREROUTING, INPUT and FORWARD.
func (l Layout) SparedOut(family Family) []Rule {
	var rules []Rule
	if l.MAC != nil {
		rules = append(rules, Rulef("-i %s -m mac ! --mac-source %s -j RETURN", l.Inside, l.MAC))
	}
	if lan := Prefixes(family, l.LAN); lan != "" {
		rules = append(rules, Rulef("-i %s -d %s -j RETURN", l.Inside, lan))
	}
	return rules
}

// SparedBack are the same for what goes the other way.
func (l Layout) SparedBack(family Family) []Rule {
	var rules []Rule
	if l.MAC != nil {
		rules = append(rules, Rulef("-o %s -m connmark ! --mark %s -j RETURN", l.Inside, ownMark))
	}
	if lan := Prefixes(family, l.LAN); lan != "" {
		rules = append(rules, Rulef("-i %s -s %s -j RETURN", l.Uplink, lan))
	}
	return rules
}

// Marking are the rules that the device's packets must pass before any that
// come back meet [Layout.SparedBack]: in mangle.
func (l Layout) Marking() []Rule {
	if l.MAC == nil {
		return nil
	}
	return []Rule{Rulef("-i %s -m mac --mac-source %s -j CONNMARK --set-xmark %s", l.Inside, l.MAC, ownMark)}
}
