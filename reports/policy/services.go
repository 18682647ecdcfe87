package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// service is all that the device contacts on one port, or on every port, or by
// ping.
type service struct {
	harness.Destination // without a name
	Destinations        []Destination
}

// services sorts destinations by protocol and port. The gateway's resolver is
// left out: rules for what goes through a gateway do not see it.
func services(destinations []Destination) []service {
	var all []service
	for _, d := range destinations {
		if d.Resolver {
			continue
		}
		key := d.ID
		key.Name = ""
		i := slices.IndexFunc(all, func(s service) bool { return s.Destination == key })
		if i < 0 {
			i, all = len(all), append(all, service{Destination: key})
		}
		all[i].Destinations = append(all[i].Destinations, d)
	}
	slices.SortStableFunc(all, func(a, b service) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	return all
}

// name is the service as part of a set's name: tcp_443, udp_any, icmp_echo.
func (s service) name() string {
	return s.Protocol + "_" + strings.Replace(s.PortText(), "*", "any", 1)
}

// words are the service for a person: "TCP port 443", "UDP, any port".
func (s service) words() string {
	switch {
	case s.ping():
		return "ICMP echo request (ICMPv6 for IPv6)"
	case s.EveryPort():
		return strings.ToUpper(s.Protocol) + ", any port"
	}
	return strings.ToUpper(s.Protocol) + " port " + s.PortText()
}

// ping reports whether the service is ICMP echo.
func (s service) ping() bool { return s.Protocol == harness.ICMP }

// only lists the addresses of one family, sorted.
func (s service) only(family func(netip.Addr) bool) []netip.Addr {
	var all []netip.Addr
	for _, d := range s.Destinations {
		all = append(all, d.only(family)...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

func hostsOf(destinations []Destination) []string {
	var hosts []string
	for _, d := range destinations {
		if d.Host != "" {
			hosts = append(hosts, d.Host)
		}
	}
	return hosts
}

// addressed lists the destinations that rules by address name. To be blocked, they
// go without the addresses that something open uses on the same port: a rule could
// not tell them apart.
func (p Policy) addressed(d *draft) []Destination {
	if p.Kind == AllowRequired {
		d.said = p.pings()
		return p.Open
	}
	var spared []Destination
	for _, blocked := range p.listed() {
		var own []netip.Addr
		for _, address := range blocked.Addresses {
			other, shared := p.openAt(address, blocked)
			if shared {
				d.lose("%s of %s stays open: %s uses it too.", address, blocked.label(), other.label())
				continue
			}
			own = append(own, address)
		}
		blocked.Addresses = own
		spared = append(spared, blocked)
	}
	return spared
}

// pings says of an allowlist what becomes of ping, which is easily forgotten.
func (p Policy) pings() (said []string) {
	for _, open := range p.Open {
		if open.ID.Protocol == harness.ICMP {
			said = append(said, sentence("Ping (ICMP echo) to %s is allowed: %s.", open.name(), open.Why))
		}
	}
	if said == nil {
		said = append(said, "Ping (ICMP echo) is allowed within the home network only: the run found none that is needed.")
	}
	return said
}

// openAt finds something open at an address on a port that blocked has, too.
func (p Policy) openAt(address netip.Addr, blocked Destination) (Destination, bool) {
	for _, open := range p.Open {
		meet := open.ID.Port == blocked.ID.Port || open.ID.EveryPort() || blocked.ID.EveryPort()
		if open.ID.Protocol == blocked.ID.Protocol && meet && slices.Contains(open.Addresses, address) {
			return open, true
		}
	}
	return Destination{}, false
}

// loseNames says what rules of addresses cannot: to follow names.
func (d *draft) loseNames(destinations []Destination, remedy string) {
	for _, one := range destinations {
		if one.Host == "" {
			continue
		}
		if len(one.Addresses) == 0 {
			d.lose("%s has no rule: no address of it was seen.", one.label())
			continue
		}
		d.lose("Names are not followed: the addresses are those that the run saw.%s", remedy)
	}
	d.loseDomains(destinations)
}

// loseDomains says which rows stand for names that nobody can list.
func (d *draft) loseDomains(destinations []Destination) {
	for _, one := range destinations {
		if one.wild() {
			d.lose("%s stands for every name below: only the addresses that the run saw are listed.", one.label())
		}
	}
}

// home are the networks that an allowing policy leaves open: a run blocks
// nothing there, so nothing is known of it. RFC 1918, 4193, 3927, 4291 and 5771.
func home() (v4, v6 []string) {
	return []string{"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4"},
		[]string{"fc00::/7", "fe80::/10", "ff00::/8"}
}

const homeIsOpen = "The home network stays open to the device: the run blocked nothing there."
