package policy

import (
	"fmt"
	"net/netip"

	"github.com/needwant/needwant/harness"
)

// routeros writes commands for MikroTik's terminal, or for /import. The router
// resolves the names of address lists itself, again and again.
func routeros(d *draft, p Policy) error {
	r := ros{d, p, p.Device.table()}
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseDomains(listed)
	d.lose("Rules go to the end of the chain: drag them above those that accept traffic of the device, fasttrack included.")
	d.lose("The router asks for names itself, and may get other addresses than the device.")
	r.remove()
	if p.Kind == AllowRequired {
		r.essentials()
	} else {
		r.resolver()
	}
	r.ownServices()
	for _, s := range services(listed) {
		r.service(s)
	}
	if p.Kind == AllowRequired {
		d.lose(homeIsOpen)
		r.filter("ip", "all else", "action=reject reject-with=icmp-admin-prohibited")
		r.filter("ipv6", "all else", "action=reject reject-with=icmp-admin-prohibited")
	}
	return nil
}

// ros writes commands of RouterOS.
type ros struct {
	*draft
	policy Policy
	table  string
}

// remove makes the script repeatable.
func (r ros) remove() {
	for _, family := range []string{"ip", "ipv6"} {
		r.line(`/%s firewall filter remove [find comment~"^%s: "]`, family, r.table)
		r.line(`/%s firewall nat remove [find comment~"^%s: "]`, family, r.table)
		r.line(`/%s firewall address-list remove [find list~"^%s_"]`, family, r.table)
	}
}

func (r ros) service(s service) {
	list := fmt.Sprintf("%s_%s", r.table, s.name())
	v4, v6 := false, false
	for _, one := range s.Destinations {
		has4, has6 := len(one.v4()) > 0, len(one.v6()) > 0
		if one.plainHost() != "" {
			if has4 || !has6 {
				r.entry("ip", list, one.Host, one)
				v4 = true
			}
			if has6 {
				r.entry("ipv6", list, one.Host, one)
				v6 = true
			}
			continue
		}
		for _, address := range one.v4() {
			r.entry("ip", list, address.String(), one)
		}
		for _, address := range one.v6() {
			r.entry("ipv6", list, address.String(), one)
		}
		v4, v6 = v4 || has4, v6 || has6
	}
	for _, family := range []struct {
		name string
		has  bool
	}{{"ip", v4}, {"ipv6", v6}} {
		if family.has {
			r.filter(family.name, s.name(), fmt.Sprintf("%s dst-address-list=%s %s", routerosMatch(s, family.name), list, r.action(s.Protocol)))
		}
	}
}

// routerosMatch is the match for a service. Types are those of RFC 792 and RFC 4443.
func routerosMatch(s service, family string) string {
	switch {
	case s.ping() && family == "ip":
		return "protocol=icmp icmp-options=8:0"
	case s.ping():
		return "protocol=icmpv6 icmp-options=128:0"
	case s.EveryPort():
		return "protocol=" + s.Protocol
	}
	return "protocol=" + s.Protocol + " dst-port=" + s.PortText()
}

func (r ros) entry(family, list, address string, d Destination) {
	r.line(`/%s firewall address-list add list=%s address=%s comment="%s: %s"`, family, list, address, d.label(), d.Why)
}

// filter adds a rule for the device.
func (r ros) filter(family, why, rest string) {
	r.chain(family, "forward", why, rest)
}

func (r ros) chain(family, chain, why, rest string) {
	for _, match := range r.matches(family) {
		r.line(`/%s firewall filter add chain=%s %s %s comment="%s: %s"`, family, chain, match, rest, r.table, why)
	}
}

// ownServices lead what the device sends to the owner's servers, and their answers back through
// the router; see nftServices. What no server is given for is refused.
func (r ros) ownServices() {
	for _, s := range r.policy.ownServices() {
		r.loseFamily(s)
		for _, protocol := range s.protocols {
			r.lead(s, fmt.Sprintf("protocol=%s dst-port=%d", protocol, s.port))
		}
	}
}

// lead writes the rules for one protocol of a service.
func (r ros) lead(s ownService, port string) {
	if family, ok := s.missing(); ok {
		action := map[bool]string{true: "action=drop", false: "action=reject reject-with=icmp-admin-prohibited"}[r.policy.rules() == harness.Drop]
		r.filter(map[string]string{"IPv4": "ip", "IPv6": "ipv6"}[family], s.slug, port+" "+action)
	}
	for _, own := range s.servers {
		family, to := "ip", "to-addresses"
		if own.Is6() {
			family, to = "ipv6", "to-address"
		}
		for _, match := range r.matches(family) {
			r.line(`/%s firewall nat add chain=dstnat %s %s action=dst-nat %s=%s comment="%s: %s"`, family, match, port, to, own, r.table, s.slug)
		}
		r.line(`/%s firewall nat add chain=srcnat dst-address=%s %s connection-nat-state=dstnat action=masquerade comment="%s: %s back"`, family, own, port, r.table, s.slug)
		r.filter(family, s.slug, fmt.Sprintf("dst-address=%s %s action=accept", own, port))
	}
}

// matches tell the device.
func (r ros) matches(family string) []string {
	device := r.policy.Device
	matches := []string{"src-mac-address=" + device.mac()}
	if device.byAddress() {
		matches = nil
		of := netip.Addr.Is4
		if family == "ipv6" {
			of = netip.Addr.Is6
		}
		for _, address := range device.only(of) {
			matches = append(matches, "src-address="+address.String())
		}
	}
	return matches
}

func (r ros) action(protocol string) string {
	switch {
	case r.policy.Kind == AllowRequired:
		return "action=accept"
	case r.policy.rules() == harness.Drop:
		return "action=drop"
	case protocol == "tcp":
		return "action=reject reject-with=tcp-reset"
	}
	return "action=reject reject-with=icmp-admin-prohibited"
}

func (r ros) essentials() {
	v4, v6 := home()
	for _, network := range v4 {
		r.line(`/ip firewall address-list add list=%s_home address=%s comment="home, with its DNS and DHCP"`, r.table, network)
	}
	for _, network := range v6 {
		r.line(`/ipv6 firewall address-list add list=%s_home address=%s comment="home, with its DNS and DHCP"`, r.table, network)
	}
	for _, family := range []string{"ip", "ipv6"} {
		r.chain(family, "input", "DNS", "protocol=udp dst-port=53 action=accept")
		r.chain(family, "input", "DNS", "protocol=tcp dst-port=53 action=accept")
		r.filter(family, "answers", "connection-state=established,related connection-nat-state=!srcnat action=accept")
		r.filter(family, "home", fmt.Sprintf("dst-address-list=%s_home action=accept", r.table))
	}
	r.chain("ip", "input", "DHCP", "protocol=udp dst-port=67 action=accept")
	r.chain("ipv6", "input", "DHCP", "protocol=udp dst-port=547 action=accept")
}

func (r ros) resolver() {
	for _, blocked := range r.policy.Blocked {
		if blocked.Resolver {
			r.chain("ip", "input", "resolver", "protocol=udp dst-port=53 "+r.action("udp"))
			r.chain("ipv6", "input", "resolver", "protocol=udp dst-port=53 "+r.action("udp"))
		}
	}
}
