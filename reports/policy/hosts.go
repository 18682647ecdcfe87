package policy

import "errors"

// hosts writes lines for /etc/hosts of a name server, or for Pi-hole.
func hosts(d *draft, p Policy) error {
	if p.Kind == AllowRequired {
		return errors.New("a hosts file can only block: choose --policy block-optional")
	}
	n := namesOf(d, p.Blocked, p.Open, withheld)
	d.lose("It goes for every device that asks this server.")
	d.lose(directContactPasses)
	for _, host := range n.listed {
		d.line("0.0.0.0 %s", host)
	}
	return nil
}
