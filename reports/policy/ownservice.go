package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// ownService is a kind of server of the owner's that rules lead the device to.
type ownService struct {
	kind      harness.StandIn
	slug      string // in the names of chains and of rules
	server    string // what it is
	requests  string // what the device sends it
	proof     string // what that server does for the device, up to its address
	protocols []string
	port      uint16
	servers   []netip.Addr // at most one for each family
}

// ownServices are the kinds that the owner has servers for.
func (p Policy) ownServices() []ownService {
	all := []ownService{
		{harness.TimeServer, "time", "time server", "Requests for the time", "The device gets the time from", []string{"udp"}, 123, p.Own},
		{harness.Resolver, "dns", "DNS server", "DNS queries", "All DNS queries of the device go to", []string{"udp", "tcp"}, 53, p.OwnDNS},
	}
	return slices.DeleteFunc(all, func(s ownService) bool { return len(s.servers) == 0 })
}

func unmapped(addresses []netip.Addr) (plain []netip.Addr) {
	for _, address := range addresses {
		plain = append(plain, address.Unmap())
	}
	return plain
}

// answersFor reports whether the owner's server answers in the place of a destination.
func (s ownService) answersFor(d Destination) bool { return s.kind.AnswersFor(d.ID) && !d.Resolver }

// of is the server of one family; ok is false if what the device sends over that family is to
// be refused, since there is none.
func (s ownService) of(family func(netip.Addr) bool) (server netip.Addr, ok bool) {
	i := slices.IndexFunc(s.servers, family)
	if i < 0 {
		return netip.Addr{}, false
	}
	return s.servers[i], true
}

// missing is the family that has no server: "IPv4" or "IPv6"; ok is false if both have one.
func (s ownService) missing() (family string, ok bool) {
	if _, ok := s.of(netip.Addr.Is4); !ok {
		return "IPv4", true
	}
	_, has := s.of(netip.Addr.Is6)
	return "IPv6", !has
}

// serve takes what an own server answers for off the other lists, since the device is led to
// that: by rules, or by the answers to names. The error says what the run does not prove.
func (p *Policy) serve(m reports.Matrix, s ownService) error {
	if p.ways == nil {
		p.ways = map[harness.Destination][]harness.Way{}
	}
	before := len(p.Served)
	for _, row := range m.Rows {
		d := destination(row.Destination)
		if !s.answersFor(d) || p.always(d) {
			continue
		}
		ways := harness.Ways()
		for _, column := range p.Columns {
			cell := row.Cells[column]
			if cell.Verdict != harness.Optional {
				ways = slices.DeleteFunc(ways, func(way harness.Way) bool { return !slices.Contains(cell.Ways, way) })
			}
			if cell.Verdict != harness.Optional && !slices.Contains(cell.Replaceable, s.kind) {
				return fmt.Errorf("the run does not prove that your %s would do instead of %s, which is %s: make the experiment with --stand-ins %s if that was not tried, or leave out --stand-in %s",
					s.server, harmless(row.Destination.ID.String()), cell.Verdict, s.kind, s.kind)
			}
		}
		p.Served = append(p.Served, d)
		p.ways[row.Destination.ID] = ways
	}
	if len(p.Served) == before {
		return fmt.Errorf("the device was not seen to contact a %s that yours could replace: leave out --stand-in %s", s.server, s.kind)
	}
	if other := p.unserved(m.Cuts, s); other != "" {
		return fmt.Errorf("the run does not prove that your %s alone would do while %s is blocked: leave out --stand-in, or choose allow-required, which leaves that open", s.server, other)
	}
	p.Blocked, p.Open = slices.DeleteFunc(p.Blocked, s.answersFor), slices.DeleteFunc(p.Open, s.answersFor)
	p.reasonServed(m, s)
	return nil
}

// unserved is something that the owner's servers do not answer for, of a group with what s
// answers for that worked only with stand-ins of several kinds, or of another kind, if none of
// it is open; "" if there is no such group.
func (p *Policy) unserved(cuts []reports.Cut, s ownService) string {
	for _, cut := range cuts {
		others := slices.DeleteFunc(slices.Clone(cut.Destinations), s.kind.AnswersFor)
		switch {
		case !slices.Contains(p.Columns, cut.Column) || len(others) == 0 || len(others) == len(cut.Destinations):
		case slices.Equal(cut.Replaceable, []harness.StandIn{s.kind}):
		case !slices.ContainsFunc(p.Open, func(d Destination) bool { return slices.Contains(others, d.ID) }):
			return harmless(others[0].String())
		}
	}
	return ""
}

// reasonServed says which trial had an own server and the block at once.
func (p *Policy) reasonServed(m reports.Matrix, s ownService) {
	p.prove("%s %s.", s.proof, join(s.servers))
	for _, o := range m.Outside {
		if containsAll(o.Columns, p.Columns) && slices.Contains(o.StandIns, s.kind) {
			p.prove("Trial %d answered in the place of its %ss, and all worked.", o.Trial, s.server)
			return
		}
	}
	p.doubt("No single trial answered in the place of the device's %ss while all of this was blocked.", s.server)
}

// loseFamily says which family has no server.
func (d *draft) loseFamily(s ownService) {
	if name, ok := s.missing(); ok {
		d.lose("%s over %s are refused: give the address that your %s has there by another --stand-in.", s.requests, name, s.server)
	}
}

// forget is what to do about requests from before, which the kernel leads where they
// went until none came for some minutes.
func (d *draft) forget(s ownService) {
	d.comment("Then forget the connections from before: conntrack -D -p udp --orig-port-dst %d", s.port)
}

// nftServices lead what the device sends to the owner's servers, and their answers back: a
// server in the device's own network would answer it directly otherwise.
func (d *draft) nftServices(p Policy) {
	for _, s := range p.ownServices() {
		d.loseFamily(s)
		d.forget(s)
		d.line("\tchain asks_%s {", s.slug)
		d.line("\t\ttype nat hook prerouting priority -105; policy accept;")
		for _, match := range nftDevice(d, p.Device) {
			d.line("\t\t%s %s jump own_%s", match, s.nftPort(), s.slug)
		}
		d.line("\t}")
		d.line("\tchain own_%s {", s.slug)
		for _, own := range s.servers {
			d.line("\t\tmeta nfproto %s counter dnat %s to %s", map[bool]string{true: "ipv4", false: "ipv6"}[own.Is4()], nftFamily(own), own)
		}
		d.line("\t}")
		d.line("\tchain %s_back {", s.slug)
		d.line("\t\ttype nat hook postrouting priority 95; policy accept;")
		for _, own := range s.servers {
			d.line("\t\tct status dnat %s daddr %s %s masquerade", nftFamily(own), own, s.nftPort())
		}
		d.line("\t}")
	}
}

// nftPort matches the port of a service.
func (s ownService) nftPort() string {
	if len(s.protocols) == 1 {
		return fmt.Sprintf("%s dport %d", s.protocols[0], s.port)
	}
	return fmt.Sprintf("meta l4proto { %s } th dport %d", strings.Join(s.protocols, ", "), s.port)
}

// nftServiceRules accept what goes to the owner's servers, and refuse what cannot.
func (d *draft) nftServiceRules(p Policy) {
	for _, s := range p.ownServices() {
		for _, own := range s.servers {
			d.line("\t\t%s daddr %s %s accept", nftFamily(own), own, s.nftPort())
		}
		for _, protocol := range s.protocols {
			d.line("\t\t%s dport %d counter %s", protocol, s.port, nftVerdict(protocol, p.rules()))
		}
	}
}

func nftFamily(address netip.Addr) string {
	if address.Is4() {
		return "ip"
	}
	return "ip6"
}

// iptablesServices are what nftServices are.
func (d *draft) iptablesServices(p Policy, chain string) {
	services := p.ownServices()
	if len(services) == 0 {
		return
	}
	for _, s := range services {
		d.loseFamily(s)
		d.forget(s)
	}
	d.line("*nat")
	d.line(":%s - [0:0]", chain)
	for _, s := range services {
		for _, protocol := range s.protocols {
			request := iptablesPort(protocol, s.port)
			for _, match := range iptablesDevice(d, p.Device) {
				d.line("%s %s -j %s", hooked(match, "-I PREROUTING"), request, chain)
			}
			for _, own := range s.servers {
				d.line("%s -A %s %s -j DNAT --to-destination %s", family(own), chain, request, own)
				d.line("%s -I POSTROUTING -d %s %s -m conntrack --ctstate DNAT -j MASQUERADE", family(own), own, request)
			}
		}
	}
	d.line("COMMIT")
}

func iptablesPort(protocol string, port uint16) string {
	return fmt.Sprintf("-p %s -m %[1]s --dport %d", protocol, port)
}

// iptablesServiceRules are what nftServiceRules are.
func (d *draft) iptablesServiceRules(p Policy, chain string) {
	for _, s := range p.ownServices() {
		for _, protocol := range s.protocols {
			request := iptablesPort(protocol, s.port)
			for _, own := range s.servers {
				d.line("%s -A %s -d %s %s -j ACCEPT", family(own), chain, own, request)
			}
			d.iptablesBoth("-A "+chain+" "+request+" -j ", protocol, p.rules())
		}
	}
}
