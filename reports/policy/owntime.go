package policy

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
)

// ownTime is the owner's time server over IPv4; ok is false if there is none.
func (p Policy) ownTime() (server netip.Addr, ok bool) {
	i := slices.IndexFunc(p.Own, netip.Addr.Is4)
	if i < 0 {
		return netip.Addr{}, false
	}
	return p.Own[i], true
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
	if name, ok := p.ownServices()[0].missing(); ok {
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
