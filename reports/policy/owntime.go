package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// serve takes the time servers off the other lists, since the device is led to its
// owner's instead: by rules, or by the answers to their names. The error says what the run does not prove.
func (p *Policy) serve(m reports.Matrix, own []netip.Addr) error {
	if len(own) == 0 {
		return nil
	}
	p.ways = map[harness.Destination][]harness.Way{}
	for _, row := range m.Rows {
		if !harness.TimeServer.AnswersFor(row.Destination.ID) || p.always(destination(row.Destination)) {
			continue
		}
		ways := harness.Ways()
		for _, column := range p.Columns {
			cell := row.Cells[column]
			if cell.Verdict != harness.Optional {
				ways = slices.DeleteFunc(ways, func(way harness.Way) bool { return !slices.Contains(cell.Ways, way) })
			}
			if cell.Verdict != harness.Optional && !slices.Contains(cell.Replaceable, harness.TimeServer) {
				return fmt.Errorf("the run does not prove that your time server would do instead of %s, which is %s: make the experiment with --stand-ins ntp",
					harmless(row.Destination.ID.String()), cell.Verdict)
			}
		}
		p.Served = append(p.Served, destination(row.Destination))
		p.ways[row.Destination.ID] = ways
	}
	if len(p.Served) == 0 {
		return errors.New("the device was not seen to contact a time server: leave out --stand-in ntp")
	}
	if other := p.unserved(m.Cuts); other != "" {
		return fmt.Errorf("the run does not prove that your time server alone would do while %s is blocked: leave out --stand-in, or choose allow-required, which leaves that open", other)
	}
	served := func(d Destination) bool { return harness.TimeServer.AnswersFor(d.ID) }
	p.Blocked, p.Open = slices.DeleteFunc(p.Blocked, served), slices.DeleteFunc(p.Open, served)
	for _, address := range own {
		p.Own = append(p.Own, address.Unmap())
	}
	p.reasonServed(m)
	return nil
}

// unserved is something other than a time server, of a group with time servers that worked
// only with stand-ins of several kinds, or of another kind, if none of it is open; "" if there is
// no such group.
func (p *Policy) unserved(cuts []reports.Cut) string {
	for _, cut := range cuts {
		others := slices.DeleteFunc(slices.Clone(cut.Destinations), harness.TimeServer.AnswersFor)
		switch {
		case !slices.Contains(p.Columns, cut.Column) || len(others) == 0 || len(others) == len(cut.Destinations):
		case slices.Equal(cut.Replaceable, []harness.StandIn{harness.TimeServer}):
		case !slices.ContainsFunc(p.Open, func(d Destination) bool { return slices.Contains(others, d.ID) }):
			return harmless(others[0].String())
		}
	}
	return ""
}

// reasonServed says which trial had the owner's servers and the block at once.
func (p *Policy) reasonServed(m reports.Matrix) {
	p.prove("The device gets the time from %s.", join(p.Own))
	for _, o := range m.Outside {
		if containsAll(o.Columns, p.Columns) && slices.Contains(o.StandIns, harness.TimeServer) {
			p.prove("Trial %d answered in the place of its time servers, and all worked.", o.Trial)
			return
		}
	}
	p.doubt("No single trial answered the device's time servers while all of this was blocked.")
}

// ownTime are the owner's time servers of one family; ok is false if the device's requests
// over that family are to be refused, since there is none.
func (p Policy) ownTime(family func(netip.Addr) bool) (server netip.Addr, ok bool) {
	i := slices.IndexFunc(p.Own, family)
	if i < 0 {
		return netip.Addr{}, false
	}
	return p.Own[i], true
}

// timeless is the family that has no time server: "IPv4" or "IPv6"; ok is false if both have one.
func (p Policy) timeless() (family string, ok bool) {
	if _, ok := p.ownTime(netip.Addr.Is4); !ok {
		return "IPv4", true
	}
	_, has := p.ownTime(netip.Addr.Is6)
	return "IPv6", !has
}

// loseTime says which family has no time server.
func (d *draft) loseTime(p Policy) {
	if name, ok := p.timeless(); ok {
		d.lose("Requests for the time over %s are refused: give the address that your time server has there by another --stand-in.", name)
	}
}

// forgetTime is what to do about requests from before, which the kernel leads where they
// went until none came for some minutes.
const forgetTime = "Then forget the connections from before: conntrack -D -p udp --orig-port-dst 123"

// nftTime leads requests for the time to the owner's server, and its answers back: a
// server in the device's own network would answer it directly otherwise.
func (d *draft) nftTime(p Policy) {
	if len(p.Own) == 0 {
		return
	}
	d.loseTime(p)
	d.comment(forgetTime)
	d.line("\tchain asks_time {")
	d.line("\t\ttype nat hook prerouting priority -105; policy accept;")
	for _, match := range nftDevice(d, p.Device) {
		d.line("\t\t%s udp dport 123 jump own_time", match)
	}
	d.line("\t}")
	d.line("\tchain own_time {")
	for _, own := range p.Own {
		d.line("\t\tmeta nfproto %s counter dnat %s to %s", map[bool]string{true: "ipv4", false: "ipv6"}[own.Is4()], nftFamily(own), own)
	}
	d.line("\t}")
	d.line("\tchain time_back {")
	d.line("\t\ttype nat hook postrouting priority 95; policy accept;")
	for _, own := range p.Own {
		d.line("\t\tct status dnat %s daddr %s udp dport 123 masquerade", nftFamily(own), own)
	}
	d.line("\t}")
}

// nftTimeRules accept what goes to the owner's server, and refuse what cannot.
func (d *draft) nftTimeRules(p Policy) {
	if len(p.Own) == 0 {
		return
	}
	for _, own := range p.Own {
		d.line("\t\t%s daddr %s udp dport 123 accept", nftFamily(own), own)
	}
	d.line("\t\tudp dport 123 counter %s", nftVerdict(harness.UDP, p.rules()))
}

// reachedBy reports whether the run proved that a way is enough to bring the device from one
// of Served to the owner's time server.
func (p Policy) reachedBy(way harness.Way, one Destination) bool {
	return slices.Contains(p.ways[one.ID], way)
}

// offered reports whether it is enough to offer the owner's time server by DHCP.
func (p Policy) offered() bool {
	return len(p.Own) > 0 && !slices.ContainsFunc(p.Served, func(one Destination) bool { return !p.reachedBy(harness.WayOption, one) })
}

// led are the names of time servers that are to be answered with the owner's, for languages
// that know names alone, if the run proved that this is enough. Spared are names below them
// that are needed.
func (d *draft) led(p Policy) (n names) {
	if len(p.Own) == 0 {
		return names{}
	}
	if name, ok := p.timeless(); ok {
		d.lose("The names of time servers get no address over %s: give the address that your time server has there by another --stand-in.", name)
	}
	for _, one := range p.Served {
		other, needed := sameHost(one, p.Open)
		switch {
		case one.Host == "":
			d.lose("%s is asked as before: it is contacted by its address.", one.label())
		case !p.reachedBy(harness.WayName, one):
			d.lose("%s is asked as before: the run does not prove that the device follows another answer to that name.", one.label())
		case standsForMany(one.Host):
			d.lose("%s is asked as before: strangers have names below it.", one.label())
		case needed:
			d.lose("%s is asked as before: %s has the same name, and is open.", one.label(), other.label())
		case leads(p.Open, one.Host) != nil:
			d.lose("%s is asked as before: %s needs that name, as its CNAME.", one.label(), leads(p.Open, one.Host).label())
		default:
			n.listed = append(n.listed, one.Host)
		}
	}
	slices.Sort(n.listed)
	n.listed = slices.Compact(n.listed)
	n.spared = nested(n.listed, p.Open)
	return n
}

// but leaves out of the names that are blocked those of time servers, which are answered
// with the owner's.
func (n names) but(led names) names {
	ours := func(host string) bool { return slices.Contains(led.listed, host) }
	n.spared = slices.DeleteFunc(n.spared, ours)
	return n
}

// withServed are some destinations, and those in whose place the owner's answers.
func (p Policy) withServed(some []Destination) []Destination { return slices.Concat(some, p.Served) }

func nftFamily(address netip.Addr) string {
	if address.Is4() {
		return "ip"
	}
	return "ip6"
}

// iptablesTime is what nftTime is.
func (d *draft) iptablesTime(p Policy, chain string) {
	if len(p.Own) == 0 {
		return
	}
	d.loseTime(p)
	d.comment(forgetTime)
	const request = "-p udp -m udp --dport 123"
	d.line("*nat")
	d.line(":%s - [0:0]", chain)
	for _, match := range iptablesDevice(d, p.Device) {
		d.line("%s %s -j %s", hooked(match, "-I PREROUTING"), request, chain)
	}
	for _, own := range p.Own {
		d.line("%s -A %s -p udp -j DNAT --to-destination %s", family(own), chain, own)
		d.line("%s -I POSTROUTING -d %s %s -m conntrack --ctstate DNAT -j MASQUERADE", family(own), own, request)
	}
	d.line("COMMIT")
}

// iptablesTimeRules are what nftTimeRules are.
func (d *draft) iptablesTimeRules(p Policy, chain string) {
	if len(p.Own) == 0 {
		return
	}
	for _, own := range p.Own {
		d.line("%s -A %s -d %s -p udp -m udp --dport 123 -j ACCEPT", family(own), chain, own)
	}
	d.iptablesBoth("-A "+chain+" -p udp -m udp --dport 123 -j ", harness.UDP, p.rules())
}
