package policy

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// The types of Pi-hole's domainlist, by the schema of its gravity.db. What is allowed goes
// before what is denied.
const (
	allowExact = 0
	denyExact  = 1
	denyRegex  = 3
)

// pihole writes a script for Pi-hole 6. It denies the names in a group that has only this
// client, so that other devices keep them, and leaves the user's own lists alone: what it
// adds has the group's name as its comment.
func pihole(d *draft, p Policy) error {
	if p.Kind == AllowRequired {
		return errors.New("a group of Pi-hole denies names: choose --policy block-optional")
	}
	led := d.led(p)
	n := namesOf(d, p.listed(), p.withServed(p.unlisted()), blocked).but(led)
	d.said = append(d.said, "Run it on the Pi-hole, version 6: sudo sh FILE. It is safe to repeat. The group is "+p.Device.table()+".")
	d.lose(directContactPasses)
	d.loseByName(p)
	group := quotedSQL(p.Device.table())
	d.line("set -e")
	d.line("pihole-FTL sqlite3 /etc/pihole/gravity.db <<'SQL'")
	d.line("BEGIN IMMEDIATE;")
	d.line(`INSERT OR IGNORE INTO "group" (name, description) VALUES (%s, %s);`, group, quotedSQL("needwant: "+p.Device.title()))
	for _, client := range piholeClients(p.Device) {
		d.line("INSERT OR IGNORE INTO client (ip, comment) VALUES (%s, %s);", client, quotedSQL(p.Device.Name))
		d.line(`INSERT OR IGNORE INTO client_by_group (client_id, group_id) SELECT client.id, "group".id FROM client, "group" WHERE ip = %s AND name = %s;`, client, group)
	}
	d.line("DELETE FROM domainlist WHERE comment = %s;", group)
	add := func(kind int, domain string) {
		d.line("INSERT OR IGNORE INTO domainlist (type, domain, comment) VALUES (%d, %s, %s);", kind, quotedSQL(domain), group)
		d.line(`INSERT OR IGNORE INTO domainlist_by_group (domainlist_id, group_id) SELECT domainlist.id, "group".id FROM domainlist, "group" WHERE type = %d AND domain = %s AND name = %s;`, kind, quotedSQL(domain), group)
	}
	for _, host := range led.listed { // before other patterns that match them
		add(denyRegex, piholePattern(host)+piholeReply(p.Own))
	}
	var wild []string
	for _, host := range n.listed {
		if !p.wildHost(host) {
			add(denyExact, host)
			continue
		}
		wild = append(wild, host)
		add(denyRegex, piholePattern(host))
	}
	for _, host := range led.listed {
		if p.wildHost(host) {
			wild = append(wild, host)
		}
	}
	spared := slices.Concat(n.spared, led.spared)
	slices.Sort(spared)
	for _, host := range slices.Compact(spared) { // an exact name goes for no name below it
		if slices.ContainsFunc(wild, func(name string) bool { return below(host, name) }) {
			add(allowExact, host)
		}
	}
	d.line("DELETE FROM domainlist_by_group WHERE group_id = 0 AND domainlist_id IN (SELECT id FROM domainlist WHERE comment = %s);", group)
	d.line("COMMIT;")
	d.line("SQL")
	d.line("pihole reloadlists")
	return nil
}

// piholePattern matches a name, or the names below "*.NAME".
func piholePattern(host string) string {
	if name, wild := strings.CutPrefix(host, "*."); wild {
		return `\.` + regexp.QuoteMeta(name) + `$`
	}
	return `^` + regexp.QuoteMeta(host) + `$`
}

// piholeReply makes Pi-hole answer what a pattern matches with addresses.
func piholeReply(own []netip.Addr) (reply string) {
	for _, address := range own {
		reply += ";reply=" + address.String()
	}
	return reply
}

// wildHost reports whether a listed host stands for the names below it.
func (p Policy) wildHost(host string) bool {
	for _, one := range p.withServed(p.listed()) {
		if one.Host == host {
			return one.wild()
		}
	}
	return false
}

// piholeClients are what Pi-hole knows the device by.
func piholeClients(device Device) (clients []string) {
	for _, address := range device.Addresses {
		clients = append(clients, quotedSQL(address.String()))
	}
	if device.MAC != nil {
		clients = append(clients, quotedSQL(strings.ToUpper(device.MAC.String())))
	}
	if clients == nil {
		clients = []string{quotedSQL(placeholderAddress)}
	}
	return clients
}

// quotedSQL is a text as SQLite takes it.
func quotedSQL(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// piholeList writes the names alone, one on each line, for Pi-hole's page of lists.
func piholeList(d *draft, p Policy) error { return namesAlone(d, p, "") }
