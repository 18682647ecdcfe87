package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/needwant/needwant/harness"
)

// nft writes a table of its own, which replaces itself when it is loaded again.
// Each service has a set of addresses for each family, so that dnsmasq can add
// to them: see dnsmasqSets.
func nft(d *draft, p Policy) error {
	table := p.Device.table()
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseNames(listed, " Load the export dnsmasq-nftset too, and they are.")
	d.comment("Load with: nft -f FILE. Remove with: nft delete table inet %s", table)
	d.line("table inet %s", table)
	d.line("delete table inet %s", table)
	d.line("table inet %s {", table)
	for _, s := range services(listed) {
		d.nftSet(s.name()+"_v4", "ipv4_addr", s.only(netip.Addr.Is4))
		d.nftSet(s.name()+"_v6", "ipv6_addr", s.only(netip.Addr.Is6))
	}
	if len(nested(hostsOf(listed), p.unlisted())) > 0 {
		d.nftSet(sparedSet+"_v4", "ipv4_addr", nil)
		d.nftSet(sparedSet+"_v6", "ipv6_addr", nil)
	}
	d.line("\tchain forward {")
	d.line("\t\ttype filter hook forward priority -10; policy accept;")
	for _, match := range nftDevice(d, p.Device) {
		d.line("\t\t%s jump rules", match)
	}
	d.line("\t}")
	d.nftResolver(p)
	d.nftServices(p)
	d.line("\tchain rules {")
	if p.Kind == AllowRequired {
		d.nftAllow(p, listed)
	} else {
		d.nftServiceRules(p)
		d.nftBlock(listed, p.rules())
	}
	d.line("\t}")
	d.line("}")
	return nil
}

func (d *draft) nftSet(name, kind string, addresses []netip.Addr) {
	d.line("\tset %s {", name)
	d.line("\t\ttype %s", kind)
	if len(addresses) > 0 {
		d.line("\t\telements = { %s }", join(addresses))
	}
	d.line("\t}")
}

// nftDevice are the matches that tell the device.
func nftDevice(d *draft, device Device) []string {
	if !device.byAddress() {
		return []string{"ether saddr " + device.mac()}
	}
	var matches []string
	if v4 := device.only(netip.Addr.Is4); len(v4) > 0 {
		matches = append(matches, fmt.Sprintf("ip saddr { %s }", join(v4)))
	} else {
		d.lose("IPv4 of the device is not covered: neither its MAC nor such an address was given.")
	}
	if v6 := device.only(netip.Addr.Is6); len(v6) > 0 {
		matches = append(matches, fmt.Sprintf("ip6 saddr { %s }", join(v6)))
	} else {
		d.lose("IPv6 of the device is not covered: neither its MAC nor such an address was given.")
	}
	return matches
}

// nftResolver refuses the gateway's own resolver, which does not go through.
func (d *draft) nftResolver(p Policy) {
	for _, blocked := range p.Blocked {
		if !blocked.Resolver || p.Kind != BlockOptional {
			continue
		}
		d.line("\tchain input {")
		d.line("\t\ttype filter hook input priority -10; policy accept;")
		for _, match := range nftDevice(d, p.Device) {
			d.line("\t\t%s udp dport %d counter %s", match, blocked.ID.Port, nftVerdict("udp", p.rules()))
		}
		d.line("\t}")
	}
}

func (d *draft) nftBlock(blocked []Destination, fault harness.Fault) {
	for _, s := range services(blocked) {
		d.nftService(s, nftVerdict(s.Protocol, fault))
	}
}

// nftService writes the rules of a service for both families.
func (d *draft) nftService(s service, verdict string) {
	for _, one := range s.Destinations {
		d.line("\t\t# %s: %s", one.label(), one.Why)
	}
	v4, v6 := s.Protocol+" dport "+s.PortText(), s.Protocol+" dport "+s.PortText()
	switch {
	case s.ping():
		v4, v6 = "icmp type echo-request", "icmpv6 type echo-request"
	case s.EveryPort():
		v4, v6 = "meta l4proto "+s.Protocol, "meta l4proto "+s.Protocol
	}
	d.line("\t\tip daddr @%s_v4 %s counter %s", s.name(), v4, verdict)
	d.line("\t\tip6 daddr @%s_v6 %s counter %s", s.name(), v6, verdict)
}

func (d *draft) nftAllow(p Policy, allowed []Destination) {
	v4, v6 := home()
	d.lose(homeIsOpen)
	d.line("\t\t# answers to those who asked the device")
	d.line("\t\tct direction reply accept")
	d.line("\t\tmeta l4proto { icmp, ipv6-icmp } ct state related accept")
	d.line("\t\t# DHCP, DNS of the home, and the rest of it")
	d.line("\t\tudp dport { 67, 547 } accept")
	d.line("\t\tip daddr { %s } meta l4proto { tcp, udp } th dport 53 accept", strings.Join(v4, ", "))
	d.line("\t\tip6 daddr { %s } meta l4proto { tcp, udp } th dport 53 accept", strings.Join(v6, ", "))
	d.line("\t\tip daddr { %s } accept", strings.Join(v4, ", "))
	d.line("\t\tip6 daddr { %s } accept", strings.Join(v6, ", "))
	d.nftServiceRules(p)
	for _, s := range services(allowed) {
		d.nftService(s, "accept")
	}
	d.line("\t\t# all else")
	d.line("\t\tmeta l4proto tcp counter reject with tcp reset")
	d.line("\t\tcounter reject with icmpx admin-prohibited")
}

func nftVerdict(protocol string, fault harness.Fault) string {
	switch {
	case fault == harness.Drop:
		return "drop"
	case protocol == "tcp":
		return "reject with tcp reset"
	}
	return "reject with icmpx admin-prohibited"
}

func join(addresses []netip.Addr) string {
	var words []string
	for _, address := range addresses {
		words = append(words, address.String())
	}
	return strings.Join(words, ", ")
}
