package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// service is all that the device contacts on one port.
type service struct {
	Protocol     string
	Port         uint16
	Destinations []Destination
}

// services sorts destinations by protocol and port. The gateway's resolver is
// left out: rules for what goes through a gateway do not see it.
func services(destinations []Destination) []service {
	var all []service
	for _, d := range destinations {
		if d.Resolver {
			continue
		}
		i := slices.IndexFunc(all, func(s service) bool { return s.Protocol == d.Protocol && s.Port == d.Port })
		if i < 0 {
			i, all = len(all), append(all, service{Protocol: d.Protocol, Port: d.Port})
		}
		all[i].Destinations = append(all[i].Destinations, d)
	}
	slices.SortStableFunc(all, func(a, b service) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port))
	})
	return all
}

// name is the service as part of a set's name: tcp_443.
func (s service) name() string { return fmt.Sprintf("%s_%d", s.Protocol, s.Port) }

// only lists the addresses of one family, sorted.
func (s service) only(family func(netip.Addr) bool) []netip.Addr {
	var all []netip.Addr
	for _, d := range s.Destinations {
		all = append(all, d.only(family)...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// unlisted are the destinations that the policy's rules do not name.
func (p Policy) unlisted() []Destination {
	if p.Kind == AllowRequired {
		return p.Blocked
	}
	return p.Open
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

// spared lists the destinations to be refused without the addresses that
// something open uses on the same port: a rule could not tell them apart.
func (p Policy) spared(d *draft) []Destination {
	var spared []Destination
	for _, blocked := range p.Blocked {
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

func (p Policy) openAt(address netip.Addr, blocked Destination) (Destination, bool) {
	for _, open := range p.Open {
		if open.Protocol == blocked.Protocol && open.Port == blocked.Port && slices.Contains(open.Addresses, address) {
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
}

// home are the networks that an allowing policy leaves open: a run blocks
// nothing there, so nothing is known of it. RFC 1918, 4193, 3927, 4291 and 5771.
func home() (v4, v6 []string) {
	return []string{"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4"},
		[]string{"fc00::/7", "fe80::/10", "ff00::/8"}
}

const homeIsOpen = "The home network stays open to the device: the run blocked nothing there."
