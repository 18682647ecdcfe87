package policy

import (
	"errors"
	"slices"
	"strings"
)

// hosts writes lines for /etc/hosts of a name server, or for Pi-hole.
func hosts(d *draft, p Policy) error { return namesAlone(d, p, "0.0.0.0 ") }

// namesAlone writes the names to block, one on each line, behind a prefix.
func namesAlone(d *draft, p Policy, prefix string) error {
	if p.Kind == AllowRequired {
		return errors.New("a list of names can only block: choose --policy block-optional")
	}
	listed := slices.DeleteFunc(p.listed(), func(one Destination) bool {
		if one.wild() {
			d.lose("%s is not blocked: a list of names has no wildcards.", one.label())
		}
		return one.wild()
	})
	led := d.led(p)
	n := namesOf(d, listed, p.withServed(p.unlisted()), blocked)
	d.lose("It applies to every device that uses this server, not only to this one.")
	d.lose(directContactPasses)
	d.loseByName(p)
	for _, host := range n.listed {
		d.line("%s%s", prefix, host)
	}
	for _, host := range led.listed {
		if strings.HasPrefix(host, "*.") {
			d.lose("%s is asked as before: a list of names has no wildcards.", host)
			continue
		}
		for _, own := range p.Own {
			d.line("%s %s", own, host)
		}
	}
	return nil
}
