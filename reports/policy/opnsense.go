package policy

import (
	"fmt"
	"strings"

	"github.com/needwant/needwant/harness"
)

// opnsense writes the content of aliases, and how to use them.
func opnsense(d *draft, p Policy) error {
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseDomains(listed)
	d.lose("Names of an alias are resolved again every 300 s only: a new address is missed for as long.")
	d.lose("Rules are made by hand, as told above each alias.")
	d.comment("Each part: Firewall > Aliases, type Host(s), paste the lines as its content; then the rule.")
	d.comment("Rules are of the interface that the device is on, with it as the source: %s.", strings.TrimSpace(plainDevice(p.Device)))
	if p.Kind == AllowRequired {
		d.comment("First allow it UDP and TCP 53 and UDP 67 to this firewall, and its own networks.")
		d.comment("Last reject everything else from it.")
		d.lose(homeIsOpen)
	}
	for _, s := range services(listed) {
		d.line("")
		d.comment("alias %s_%s; rule: %s %s", p.Device.table(), s.name(), handVerb(p), s.words())
		for _, one := range s.Destinations {
			for _, entry := range entriesOf(one) {
				d.line("%s %s (%s)", entry, one.label(), one.Why)
			}
		}
	}
	loseResolver(d, p)
	return nil
}

// entriesOf is the name, or the addresses if there is none that can be listed.
func entriesOf(d Destination) []string {
	if host := d.plainHost(); host != "" {
		return []string{host}
	}
	var entries []string
	for _, address := range d.Addresses {
		entries = append(entries, address.String())
	}
	return entries
}

// plainDevice tells by what a person finds the device.
func plainDevice(device Device) string {
	if device.byAddress() {
		return join(device.Addresses)
	}
	return fmt.Sprintf("MAC %s", device.mac())
}

// handVerb is what a person is told to choose.
func handVerb(p Policy) string {
	switch {
	case p.Kind == AllowRequired:
		return "allow"
	case p.rules() == harness.Drop:
		return "block (drop)"
	}
	return "reject"
}

// loseResolver says that the gateway's own resolver is left out.
func loseResolver(d *draft, p Policy) {
	for _, blocked := range p.Blocked {
		if blocked.Resolver && p.Kind == BlockOptional {
			d.lose("The resolver of the gateway is not refused.")
		}
	}
}
