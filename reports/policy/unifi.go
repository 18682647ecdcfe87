package policy

// unifi writes what to enter by hand: UniFi takes no text.
func unifi(d *draft, p Policy) error {
	listed := p.addressed(d)
	d.loseFault(p)
	d.loseNames(listed, "")
	d.lose("UniFi takes no text: each rule is entered by hand.")
	loseResolver(d, p)
	d.line("1. Network > Settings > Profiles > Network Objects: make a list of the addresses of each part below.")
	d.line("2. Settings > Policy Engine > Firewall: make a rule for each part.")
	d.line("   Source: Device, %s (%s).", p.Device.Name, plainDevice(p.Device))
	d.line("   Destination: the external zone, the list, and there, at the destination, the port.")
	d.line("   Action: %s.", handVerb(p))
	if p.Kind == AllowRequired {
		d.lose(homeIsOpen)
		d.line("3. Allow it DNS (UDP and TCP 53) and DHCP (UDP 67) to the gateway.")
		d.line("4. Last, a rule below these: the device, any destination in the external zone, reject.")
	}
	for _, s := range services(listed) {
		d.line("")
		d.line("%s, list %s_%s:", s.words(), p.Device.table(), s.name())
		for _, one := range s.Destinations {
			for _, address := range one.Addresses {
				d.line("   %-39s  %s, %s", address, one.label(), one.Why)
			}
		}
	}
	return nil
}
