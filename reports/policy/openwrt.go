package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/needwant/needwant/harness"
)

// openwrt writes rule sections for /etc/config/firewall.
func openwrt(d *draft, p Policy) error {
	u := uci{d, p}
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseNames(listed, "")
	d.lose("Connections that are open when the rules are loaded go on: restart the device, or conntrack -D its address.")
	d.comment("Append to /etc/config/firewall, above other rules for the device; then: service firewall restart")
	target := "REJECT"
	if p.rules() == harness.Drop {
		target = "DROP"
	}
	if p.Kind == AllowRequired {
		target = "ACCEPT"
		u.essentials()
	} else {
		u.resolver(target)
	}
	u.ownServices()
	for _, s := range services(listed) {
		u.service(s, "ipv4", netip.Addr.Is4, target)
		u.service(s, "ipv6", netip.Addr.Is6, target)
	}
	if p.Kind == AllowRequired {
		d.lose("The home network stays as the zones have it: the run blocked nothing there.")
		u.rule("all else", "option dest 'wan'", "list proto 'all'", "option target 'REJECT'")
	}
	return nil
}

// uci writes sections of OpenWrt's configuration.
type uci struct {
	*draft
	policy Policy
}

// rule writes one section; every rule is for the device alone.
func (u uci) rule(name string, options ...string) {
	u.line("config rule")
	u.line("\toption name '%s'", short("needwant "+u.policy.Device.slug()+": "+name, 80))
	u.line("\toption src '*'")
	device := u.policy.Device
	if !device.byAddress() {
		u.line("\tlist src_mac '%s'", device.mac())
	} else {
		for _, address := range device.Addresses {
			u.line("\tlist src_ip '%s'", address)
		}
	}
	for _, option := range options {
		u.line("\t%s", option)
	}
	u.line("")
}

// ownServices lead what the device sends to the owner's servers, and their answers back through
// the router; see nftServices. What no server is given for is refused.
func (u uci) ownServices() {
	for _, s := range u.policy.ownServices() {
		u.lead(s)
	}
}

func (u uci) lead(s ownService) {
	u.loseFamily(s)
	u.comment("The device and your %s are in the zone lan here: write their zones for src if they are not.", s.server)
	u.forget(s)
	device := u.policy.Device
	protocols, port := strings.Join(s.protocols, " "), fmt.Sprint(s.port)
	for _, own := range s.servers {
		family, of := "ipv4", netip.Addr.Is4
		if own.Is6() {
			family, of = "ipv6", netip.Addr.Is6
		}
		matches := []string{fmt.Sprintf("option src_mac '%s'", device.mac())}
		if device.byAddress() {
			matches = nil
			for _, address := range device.only(of) {
				matches = append(matches, fmt.Sprintf("option src_ip '%s'", address))
			}
		}
		for _, match := range matches {
			u.section("redirect", s.slug+" "+family, "option src 'lan'", match, "option family '"+family+"'", "option proto '"+protocols+"'", "option src_dport '"+port+"'",
				"option target 'DNAT'", fmt.Sprintf("option dest_ip '%s'", own), "option dest_port '"+port+"'", "option reflection '0'")
		}
		u.section("nat", s.slug+" back "+family, "option src 'lan'", "option family '"+family+"'", "option proto '"+protocols+"'",
			fmt.Sprintf("option dest_ip '%s'", own), "option dest_port '"+port+"'", "option target 'MASQUERADE'")
	}
	if family, ok := s.missing(); ok {
		target := map[bool]string{true: "DROP", false: "REJECT"}[u.policy.rules() == harness.Drop]
		options := []string{"option dest 'wan'", "option family '" + strings.ToLower(family) + "'"}
		for _, protocol := range s.protocols {
			options = append(options, "list proto '"+protocol+"'")
		}
		u.rule(s.slug+" "+family, append(options, "option dest_port '"+port+"'", "option target '"+target+"'")...)
	}
}

// section writes one section of any kind.
func (u uci) section(kind, name string, options ...string) {
	u.line("config %s", kind)
	u.line("\toption name '%s'", short("needwant "+u.policy.Device.slug()+": "+name, 80))
	for _, option := range options {
		u.line("\t%s", option)
	}
	u.line("")
}

func (u uci) service(s service, family string, of func(netip.Addr) bool, target string) {
	addresses := s.only(of)
	if len(addresses) == 0 || u.policy.Device.byAddress() && len(u.policy.Device.only(of)) == 0 {
		return
	}
	for _, one := range s.Destinations {
		u.comment("%s: %s", one.label(), one.Why)
	}
	options := []string{"option dest 'wan'", "option family '" + family + "'"}
	for _, address := range addresses {
		options = append(options, fmt.Sprintf("list dest_ip '%s'", address))
	}
	options = append(options, fmt.Sprintf("list proto '%s'", s.Protocol))
	switch {
	case s.ping(): // OpenWrt's word for both families
		options = append(options, "list icmp_type 'echo-request'")
	case !s.EveryPort():
		options = append(options, fmt.Sprintf("option dest_port '%s'", s.PortText()))
	}
	u.rule(s.name()+" "+family, append(options, fmt.Sprintf("option target '%s'", target))...)
}

// essentials are what a device needs of the router itself. Rules without a
// destination zone are for the router.
func (u uci) essentials() {
	u.rule("DNS", "list proto 'tcp'", "list proto 'udp'", "option dest_port '53'", "option target 'ACCEPT'")
	u.rule("DHCP", "option family 'ipv4'", "list proto 'udp'", "option dest_port '67'", "option target 'ACCEPT'")
	u.rule("DHCPv6", "option family 'ipv6'", "list proto 'udp'", "option dest_port '547'", "option target 'ACCEPT'")
}

func (u uci) resolver(target string) {
	for _, blocked := range u.policy.Blocked {
		if blocked.Resolver {
			u.rule("resolver", "list proto 'udp'", "option dest_port '53'", fmt.Sprintf("option target '%s'", target))
		}
	}
}
