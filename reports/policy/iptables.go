package policy

import (
	"net/netip"
	"strings"

	"github.com/needwant/needwant/harness"
)

// iptables writes one file for both families: each restore command passes over
// the lines that are marked for the other. The chain is emptied when the file
// is loaded again.
func iptables(d *draft, p Policy) error {
	chain := strings.ToUpper(p.Device.table())
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseNames(listed, "")
	d.lose("Loading it again adds the jump once more, which does no harm.")
	d.comment("Load with: iptables-restore --noflush < FILE && ip6tables-restore --noflush < FILE")
	d.iptablesServices(p, chain)
	d.line("*filter")
	d.line(":%s - [0:0]", chain)
	for _, match := range iptablesDevice(d, p.Device) {
		d.line("%s -j %s", hooked(match, "-I FORWARD"), chain)
	}
	d.iptablesResolver(p)
	if p.Kind == AllowRequired {
		d.iptablesAllow(p, chain, listed)
	} else {
		d.iptablesServiceRules(p, chain)
		d.iptablesBlock(chain, listed, p.rules())
	}
	d.line("COMMIT")
	return nil
}

// iptablesDevice are the matches that tell the device, with HOOK for where.
func iptablesDevice(d *draft, device Device) []string {
	if !device.byAddress() {
		return []string{"HOOK -m mac --mac-source " + device.mac()}
	}
	var matches []string
	for _, address := range device.Addresses {
		matches = append(matches, family(address)+" HOOK -s "+address.String())
	}
	if len(device.only(netip.Addr.Is6)) == 0 {
		d.lose("IPv6 of the device is not covered: neither its MAC nor such an address was given.")
	}
	return matches
}

// hooked puts a match of the device where it belongs.
func hooked(match, where string) string { return strings.Replace(match, "HOOK", where, 1) }

// iptablesResolver refuses the gateway's own resolver, which does not go through.
func (d *draft) iptablesResolver(p Policy) {
	for _, blocked := range p.Blocked {
		if !blocked.Resolver || p.Kind != BlockOptional {
			continue
		}
		for _, match := range iptablesDevice(d, p.Device) {
			match = hooked(match, "-I INPUT") + " -p udp -m udp --dport 53 -j "
			d.iptablesBoth(match, "udp", p.rules())
		}
	}
}

// iptablesBoth writes a rule without addresses, for those families that it is for.
func (d *draft) iptablesBoth(rule, protocol string, fault harness.Fault) {
	for _, sample := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if marked := strings.HasPrefix(rule, "-4 ") || strings.HasPrefix(rule, "-6 "); !marked {
			d.line("%s %s%s", family(sample), rule, iptablesTarget(protocol, sample, fault))
		} else if strings.HasPrefix(rule, family(sample)) {
			d.line("%s%s", rule, iptablesTarget(protocol, sample, fault))
		}
	}
}

func (d *draft) iptablesBlock(chain string, blocked []Destination, fault harness.Fault) {
	for _, s := range services(blocked) {
		d.iptablesEach(chain, s, func(address netip.Addr) string { return iptablesTarget(s.Protocol, address, fault) })
	}
}

// iptablesEach writes a rule for each address of a service.
func (d *draft) iptablesEach(chain string, s service, target func(netip.Addr) string) {
	for _, one := range s.Destinations {
		d.comment("%s: %s", one.label(), one.Why)
		for _, address := range one.Addresses {
			d.line("%s -A %s -d %s %s -j %s", family(address), chain, address, iptablesMatch(s, address), target(address))
		}
	}
}

// iptablesMatch is the match for a service, in the family of an address.
func iptablesMatch(s service, address netip.Addr) string {
	switch {
	case s.ping() && address.Is4():
		return "-p icmp -m icmp --icmp-type echo-request"
	case s.ping():
		return "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request"
	case s.EveryPort():
		return "-p " + s.Protocol
	}
	return "-p " + s.Protocol + " -m " + s.Protocol + " --dport " + s.PortText()
}

func (d *draft) iptablesAllow(p Policy, chain string, allowed []Destination) {
	v4, v6 := home()
	d.lose(homeIsOpen)
	// RETURN leaves the home to whatever rules there are already: an isolated
	// network stays isolated.
	d.comment("answers to those who asked the device")
	d.line("-A %s -m conntrack --ctdir REPLY -j RETURN", chain)
	d.line("-4 -A %s -p icmp -m conntrack --ctstate RELATED -j RETURN", chain)
	d.line("-6 -A %s -p ipv6-icmp -m conntrack --ctstate RELATED -j RETURN", chain)
	d.comment("DHCP, DNS of the home, and the rest of it")
	d.line("-4 -A %s -p udp -m udp --dport 67 -j RETURN", chain)
	d.line("-6 -A %s -p udp -m udp --dport 547 -j RETURN", chain)
	for _, protocol := range []string{"udp", "tcp"} {
		d.line("-4 -A %s -d %s -p %s -m %s --dport 53 -j RETURN", chain, strings.Join(v4, ","), protocol, protocol)
		d.line("-6 -A %s -d %s -p %s -m %s --dport 53 -j RETURN", chain, strings.Join(v6, ","), protocol, protocol)
	}
	d.line("-4 -A %s -d %s -j RETURN", chain, strings.Join(v4, ","))
	d.line("-6 -A %s -d %s -j RETURN", chain, strings.Join(v6, ","))
	d.iptablesServiceRules(p, chain)
	for _, s := range services(allowed) {
		d.iptablesEach(chain, s, func(netip.Addr) string { return "ACCEPT" })
	}
	d.comment("all else")
	d.line("-A %s -p tcp -j REJECT --reject-with tcp-reset", chain)
	d.line("-4 -A %s -j REJECT --reject-with icmp-admin-prohibited", chain)
	d.line("-6 -A %s -j REJECT --reject-with icmp6-adm-prohibited", chain)
}

func iptablesTarget(protocol string, address netip.Addr, fault harness.Fault) string {
	switch {
	case fault == harness.Drop:
		return "DROP"
	case protocol == "tcp":
		return "REJECT --reject-with tcp-reset"
	case address.Is4():
		return "REJECT --reject-with icmp-admin-prohibited"
	}
	return "REJECT --reject-with icmp6-adm-prohibited"
}

// family marks a line for the restore command of one family.
func family(address netip.Addr) string {
	if address.Is4() {
		return "-4"
	}
	return "-6"
}
