package policy

import (
	"net/netip"
	"strings"
)

// adguard writes rules for AdGuard Home, for this client alone.
func adguard(d *draft, p Policy) error {
	client := "$client=" + adguardClient(p.Device)
	d.lose(namesCoverBelow)
	d.lose(directContactPasses)
	d.loseByName(p)
	led := d.led(p)
	for _, host := range led.listed {
		for _, own := range p.Own {
			d.line("||%s^%s,dnsrewrite=NOERROR;%s;%s", host, client, map[bool]string{true: "A", false: "AAAA"}[own.Is4()], own)
		}
	}
	for _, host := range led.spared {
		d.line("@@||%s^%s,dnsrewrite", host, client)
	}
	if p.Kind == AllowRequired {
		n := namesOf(d, p.listed(), p.unlisted(), answered)
		for _, host := range n.listed {
			d.line("@@||%s^%s", host, client)
		}
		for _, host := range n.spared {
			d.line("||%s^%s,important", host, client)
		}
		d.line("||*^%s", client)
		return nil
	}
	n := namesOf(d, p.listed(), p.withServed(p.unlisted()), blocked).but(led)
	for _, host := range n.listed {
		d.line("||%s^%s", host, client)
	}
	for _, host := range n.spared {
		d.line("@@||%s^%s", host, client)
	}
	return nil
}

// adguardClient is the device's addresses, divided by bars.
func adguardClient(device Device) string {
	if len(device.Addresses) == 0 {
		return placeholderAddress
	}
	all := device.only(func(netip.Addr) bool { return true })
	return strings.ReplaceAll(join(all), ", ", "|")
}
