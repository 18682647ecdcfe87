package gateway

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/standin"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// In shared tables the routes are the machine's, and its own services may have the ports of
// the stand-ins. So what the device sends to a stand-in is led to another port of the machine
// (DNAT), as its queries are: see queryredirect.go. Only its own packets enter these chains, which
// are removed as all others are. The packet log is asked before, so that it sees who was
// meant; connection tracking tells the stand-in, and gives its answer that address.

const (
	lead = "NEEDWANT-LEAD" // to the stand-in
	led  = "NEEDWANT-LED"  // the log of what is led there
)

// leading are the chains of a family. What comes to the gateway by ways is led to the
// stand-ins, too, and not logged: it is not for a destination.
func (c Config) leading(s *standIn, family chains.Family) []chains.Chain {
	layout, echo := c.layout(), chains.EchoOf(family)
	sent := layout.Sent(family)
	log := []chains.Rule{chains.Rulef("-j CONNMARK --set-xmark %s", bits(chains.OwnMark))}
	for _, match := range []chains.Rule{chains.Rulef("-p tcp --syn"), chains.Rulef("-p udp -m conntrack --ctdir ORIGINAL"), echo.Request()} {
		for _, point := range []watch.Point{watch.Outward, watch.Block} {
			log = append(log, slices.Concat(match, chains.Rulef("-j %s", watch.At(point))))
		}
	}
	translate := chains.Chain{Table: "nat", Name: lead, Hooks: []chains.Hook{{From: "PREROUTING", Match: sent}}}
	for _, entry := range s.atGateway() {
		if chains.FamilyOf(entry.Address) == family {
			translate.Rules = append(translate.Rules, s.translation(entry)...)
		}
	}
	return []chains.Chain{
		{Table: "mangle", Name: divert, Hooks: []chains.Hook{{From: "PREROUTING", Match: sent}}},
		{Table: "mangle", Name: led, Rules: log}, // removed after what jumps to it
		translate,
		{
			Table: "filter", Name: enter,
			Hooks: []chains.Hook{{From: "INPUT", Match: slices.Concat(sent, chains.Rulef("-m conntrack --ctstate DNAT"))}},
			Rules: s.letIn(family),
		},
	}
}

// letIn are the rules for what was led to a stand-in, whatever the machine's own rules say.
func (s *standIn) letIn(family chains.Family) (rules []chains.Rule) {
	for _, kind := range harness.AllStandIns() {
		switch port := standin.LedPort(kind); {
		case kind == harness.Resolver: // see queryredirect.go
		case kind == harness.EchoReply:
			rules = append(rules, append(chains.EchoOf(family).Request(), "-j", "ACCEPT"))
		default:
			for _, protocol := range []string{harness.TCP, harness.UDP} {
				rules = append(rules, chains.Rulef("-p %s --dport %d -j ACCEPT", protocol, port))
			}
		}
	}
	return rules
}

// leadTo are the rules that lead what is sent to an entry to its stand-in; none if the
// machine has no address for it on the link to the device.
func (s *standIn) leadTo(entry block.Entry) (rules []placedRule) {
	for _, rule := range s.translation(entry) {
		there, _ := entry.Matches()
		rules = append(rules, placedRule{"nat", lead, rule}, placedRule{"mangle", divert, append(there, "-j", led)})
	}
	return rules
}

// translation is the rule that changes where packets to an entry go; none if there is no
// such address.
func (s *standIn) translation(entry block.Entry) []chains.Rule {
	own := of(chains.FamilyOf(entry.Address), s.inside)
	if len(own) == 0 {
		return nil
	}
	to := own[0]
	if port := standin.LedPort(s.kindOf(entry)); port != 0 {
		to = netip.AddrPortFrom(netip.MustParseAddr(to), port).String()
	}
	there, _ := entry.Matches()
	return []chains.Rule{append(there, "-j", "DNAT", "--to-destination", to)}
}

// kindOf is the stand-in that answers at an entry. No two have the same protocol and port.
func (s *standIn) kindOf(entry block.Entry) harness.StandIn {
	for d, kind := range s.kinds {
		if d.Protocol == entry.Protocol && d.Port == entry.Port {
			return kind
		}
	}
	return ""
}

// led are those of some entries, and of the gateway's own, whose connections must be forgotten
// before they can be translated. A device may use one port for all that it sends over UDP. Over
// TCP it begins a connection again, since the old one is reset. The caller holds the lock.
func (s *standIn) led(entries []block.Entry) (led []block.Entry) {
	if s == nil {
		return nil
	}
	for _, entry := range entries {
		if s.places[entry] && entry.Protocol != harness.TCP {
			led = append(led, entry)
		}
	}
	return append(led, s.atGateway()...)
}

// led finds to which address a packet was sent that was led to a stand-in. It is nil if
// packets come as they were sent.
func (b *barrier) led() func(protocol string, from, to netip.AddrPort, id uint16) netip.AddrPort {
	if !b.config.Shared {
		return nil
	}
	return func(protocol string, from, to netip.AddrPort, id uint16) netip.AddrPort {
		number := map[string]uint8{harness.TCP: unix.IPPROTO_TCP, harness.UDP: unix.IPPROTO_UDP}[protocol]
		if protocol == harness.ICMP {
			number = chains.EchoOf(chains.FamilyOf(to.Addr())).Number
		}
		client := netip.AddrPortFrom(from.Addr().WithZone(""), from.Port())
		if flow, known, err := b.tracked.Answering(number, to, client, id); known && err == nil {
			return flow.Target
		}
		return to // no destination: it counts for nothing
	}
}

// deliveryTakes is more than the kernel and a busy machine need until a stand-in has a packet.
const deliveryTakes = 2 * time.Second

// undelivered says of places that the device tried, and that are led to a stand-in, why it
// did not answer: nothing arrived. Rules of another program stand behind ours. The caller
// holds the lock.
func (c Config) undelivered(s *standIn, window watch.Window) map[watch.Place]string {
	why := map[watch.Place]string{}
	if !c.Shared {
		return why
	}
	for entry := range s.places {
		place, kind := placeOf(entry), s.kindOf(entry)
		seen := window.Places[place]
		if kind == harness.Resolver || seen.Attempts == 0 || time.Since(seen.Attempted) < deliveryTakes || s.servers.Reached(place) {
			continue
		}
		what := fmt.Sprintf("%s port %d", entry.Protocol, standin.LedPort(kind))
		if kind == harness.EchoReply {
			what = "pings"
		}
		why[place] = fmt.Sprintf("nothing of what the device sends reaches it: a firewall of this machine drops it on its way in; let %s come in on %s", what, c.Inside)
	}
	return why
}
