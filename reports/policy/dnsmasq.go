package policy

import (
	"fmt"
	"slices"
	"strings"
)

// dnsmasq blocks names: the answer is NXDOMAIN for every kind of record. It is
// 0.0.0.0 or :: for all names but some.
func dnsmasq(d *draft, p Policy) error {
	if p.Kind == AllowRequired {
		return dnsmasqAllow(d, p)
	}
	led := d.led(p)
	n := namesOf(d, p.listed(), p.withServed(p.unlisted()), blocked).but(led)
	d.lose("It applies to every device that uses this server, not only to this one.")
	d.lose(namesCoverBelow)
	d.lose(directContactPasses)
	d.loseByName(p)
	for _, host := range n.listed {
		d.line("address=/%s/", host)
	}
	for _, host := range n.spared {
		d.line("server=/%s/#", host)
	}
	d.dnsmasqTime(p, led, n)
	return nil
}

// dnsmasqTime answers the names of time servers with the owner's, except names below them
// that are needed.
func (d *draft) dnsmasqTime(p Policy, led, n names) {
	for _, host := range led.listed {
		d.line("local=/%s/", host) // or a family without an address is asked of others
		for _, own := range p.Own {
			d.line("address=/%s/%s", host, own)
		}
	}
	for _, host := range led.spared {
		if !slices.Contains(n.spared, host) && !slices.Contains(n.listed, host) {
			d.line("server=/%s/#", host)
		}
	}
	if p.offered() {
		d.comment("If dnsmasq is the DHCP server, too, this is enough, by itself:")
		d.dnsmasqOffer(p)
	}
}

// dnsmasqOffer offers the owner's time server to the device by DHCP (option 42, RFC 2132).
func (d *draft) dnsmasqOffer(p Policy) {
	own, ok := p.ownTime()
	if !ok {
		return
	}
	tag := p.Device.table()
	d.line("dhcp-mac=set:%s,%s", tag, p.Device.mac())
	d.line("dhcp-option=tag:%s,option:ntp-server,%s", tag, own)
}

func dnsmasqAllow(d *draft, p Policy) error {
	led := d.led(p)
	n := namesOf(d, p.listed(), p.unlisted(), answered)
	d.loseByName(p)
	d.lose("All other names are blocked for every client: use it on a server for this device alone.")
	d.lose(namesCoverBelow)
	d.lose(directContactPasses)
	d.line("address=/#/#") // 0.0.0.0 and ::, as dnsmasq 2.90 lets /#/ without an address through
	for _, host := range n.listed {
		d.line("server=/%s/#", host)
	}
	for _, host := range n.spared {
		d.line("address=/%s/", host)
	}
	d.dnsmasqTime(p, led, n)
	return nil
}

// dnsmasqSets makes dnsmasq add every address that it answers with to the sets
// of the table that nft writes, before the answer leaves. That way the table
// follows names.
func dnsmasqSets(d *draft, p Policy) error {
	listed, others := p.listed(), p.unlisted()
	table := p.Device.table()
	d.lose("It needs the table of the export nft: load that first, and again before dnsmasq is restarted.")
	d.lose("Addresses stay in the sets until the table is loaded again, though the name may have moved on.")
	d.lose("The device must ask this server, and nobody else, for names.")
	var hosts []string
	sets := map[string][]string{}
	for _, s := range services(listed) {
		for _, one := range s.Destinations {
			host := strings.TrimPrefix(one.Host, "*.") // dnsmasq follows what is below, too
			if host == "" || standsForMany(host) || p.mixed(d, one) {
				continue
			}
			if sets[host] == nil {
				hosts = append(hosts, host)
			}
			sets[host] = append(sets[host], nftSets(table, s.name())...)
		}
	}
	for _, host := range hosts {
		d.line("nftset=/%s/%s", host, strings.Join(sets[host], ","))
	}
	for _, host := range nested(hosts, others) {
		if sets[host] == nil {
			d.line("nftset=/%s/%s", host, strings.Join(nftSets(table, sparedSet), ","))
		}
	}
	return nil
}

// mixed tells of a name to be refused that was seen on an address of something
// open. It is not followed, as that would refuse the other too.
func (p Policy) mixed(d *draft, one Destination) bool {
	if p.Kind == AllowRequired {
		return false
	}
	for _, address := range one.Addresses {
		if other, shared := p.openAt(address, one); shared {
			d.lose("%s is not followed: %s uses %s too.", one.label(), other.label(), address)
			return true
		}
	}
	domain, wild := one.ID.Domain()
	for _, open := range p.Open {
		if wild && open.Host == domain {
			d.lose("%s is not followed: %s has the name above it.", one.label(), open.label())
			return true
		}
	}
	return false
}

// sparedSet takes the addresses of names that lie below a listed one. No rule
// looks at it.
const sparedSet = "spared"

func nftSets(table, set string) []string {
	return []string{
		fmt.Sprintf("4#inet#%s#%s_v4", table, set),
		fmt.Sprintf("6#inet#%s#%s_v6", table, set),
	}
}
