package chains

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
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

	// Shared says that the tables are the machine's own, with rules and traffic
	// of others in them. Then only the device's packets may enter our chains, by
	// hardware address, IPv4 address and link, and only while the pulse lasts.
	Shared   bool
	Address  netip.Addr // of the device, over IPv4
	Resolver uint16     // port of our resolver
}

// Mark is the bit that the device's connections have in connection tracking, if there
// are others in the tables; 0 if all are the device's.
func (l Layout) Mark() uint32 {
	if l.Shared {
		return OwnMark
	}
	return 0
}

// SharedResolver is the port of our resolver in shared tables, where port 53 is
// another's. It is always the same, so that a firewall can be told of it.
const SharedResolver = 10053

// SharedStandIns is the first port of our stand-ins in shared tables, where the usual ports
// may be another program's. They follow that of the resolver.
const SharedStandIns = SharedResolver + 1

// sharedPorts is how many ports there are for all of these.
const sharedPorts = 8

// OwnPort reports whether a port is one of our servers in shared tables.
func OwnPort(port uint16) bool { return port >= SharedResolver && port < SharedResolver+sharedPorts }

// ownMark is the bit by which connections of a device with a known hardware
// address are recognised on their way back, where no packet tells it.
const ownMark = "0x02000000/0x02000000"

// OwnMark is that bit as the kernel's connection tracking has it.
const OwnMark = 0x02000000

// PulseSet is the name of the set that our chains in shared tables depend on: the
// kernel empties it when nobody keeps it filled. Package block makes it.
func PulseSet(family Family) string { return fmt.Sprintf("%spulse-%d", setPrefix, int(family)) }

// setPrefix begins the name of every set of ours.
const setPrefix = "needwant-"

// OwnSet reports whether a set is one of ours, by its name.
func OwnSet(name string) bool { return strings.HasPrefix(name, setPrefix) }

// Sent is the match of what the device sends, in shared tables.
func (l Layout) Sent(family Family) Rule {
	match := Rulef("-i %s -m mac --mac-source %s -m set --match-set %s src", l.Inside, l.MAC, PulseSet(family))
	if family == IPv4 {
		return append(Rulef("-s %s", l.Address), match...)
	}
	return match
}

// received is the match of what comes back to it.
func (l Layout) received(family Family) Rule {
	match := Rulef("-o %s -m connmark --mark %s -m set --match-set %s dst", l.Inside, ownMark, PulseSet(family))
	if family == IPv4 {
		return append(Rulef("-d %s", l.Address), match...)
	}
	return match
}

// Forwarded are the hooks for what passes the gateway.
func (l Layout) Forwarded(family Family) []Hook {
	if !l.Shared {
		return []Hook{On("FORWARD")}
	}
	return []Hook{{"FORWARD", l.Sent(family)}, {"FORWARD", l.received(family)}}
}

// Outgoing are the hooks for what the device sends through the gateway.
func (l Layout) Outgoing(family Family) []Hook {
	if !l.Shared {
		return []Hook{{"FORWARD", Rulef("-i %s", l.Inside)}}
	}
	return []Hook{{"FORWARD", l.Sent(family)}}
}

// FalseSource are the hooks, in shared tables and over IPv4, for what the device
// sends through the gateway with another source address than its own.
func (l Layout) FalseSource() []Hook {
	return []Hook{{"FORWARD", Rulef("-i %s ! -s %s -m mac --mac-source %s -m set --match-set %s src", l.Inside, l.Address, l.MAC, PulseSet(IPv4))}}
}

// ToGateway are the hooks for what the device sends to the gateway itself, of
// which shared tables know our resolver alone.
func (l Layout) ToGateway(family Family) []Hook {
	if !l.Shared {
		return []Hook{{"INPUT", Rulef("-i %s", l.Inside)}}
	}
	return l.resolver("INPUT", "--dport", l.Sent(family))
}

// FromGateway are the hooks for what it answers.
func (l Layout) FromGateway(family Family) []Hook {
	if !l.Shared {
		return []Hook{{"OUTPUT", Rulef("-o %s", l.Inside)}}
	}
	match := Rulef("-o %s", l.Inside)
	if family == IPv4 {
		match = append(match, "-d", l.Address.String())
	}
	return l.resolver("OUTPUT", "--sport", match)
}

// resolver limits a hook to our resolver.
func (l Layout) resolver(from, flag string, match Rule) (hooks []Hook) {
	for _, protocol := range []string{"udp", "tcp"} {
		hooks = append(hooks, Hook{from, slices.Concat(match, Rulef("-p %s %s %d", protocol, flag, l.Resolver))})
	}
	return hooks
}

// Queries are the hooks for the device's queries to resolvers of the machine.
func (l Layout) Queries(family Family) (hooks []Hook) {
	for _, protocol := range []string{"udp", "tcp"} {
		hooks = append(hooks, Hook{"PREROUTING", slices.Concat(l.Sent(family), Rulef("-p %s --dport 53", protocol))})
	}
	return hooks
}

// SparedOut are the rules that let what comes in by the inside link leave a
// chain, where it is not from the device or not for the internet. They stand
// first in it. The kernel allows them in PREROUTING, INPUT and FORWARD.
func (l Layout) SparedOut(family Family) []Rule {
	return slices.Concat(l.fromOthers(), l.toHome(family))
}

// SparedOutMarked are the same rules, which mark the device's connections, too. The
// device's packets must pass them before any that come back meet [Layout.SparedBack]:
// in mangle.
func (l Layout) SparedOutMarked(family Family) []Rule {
	rules := l.fromOthers()
	if l.MAC != nil {
		rules = append(rules, Rulef("-i %s -j CONNMARK --set-xmark %s", l.Inside, ownMark))
	}
	return append(rules, l.toHome(family)...)
}

func (l Layout) fromOthers() []Rule {
	if l.MAC == nil {
		return nil
	}
	return []Rule{Rulef("-i %s -m mac ! --mac-source %s -j RETURN", l.Inside, l.MAC)}
}

func (l Layout) toHome(family Family) []Rule {
	lan := Prefixes(family, l.LAN)
	if lan == "" {
		return nil
	}
	return []Rule{Rulef("-i %s -d %s -j RETURN", l.Inside, lan)}
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
