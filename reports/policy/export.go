package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Export is a policy in the language of one program.
type Export struct {
	Text string   // to be pasted; its comments say what was lost, where the language has comments
	Lost []string // what the language cannot say, in sentences

	// Placeholder reports whether the text has a placeholder in the place of the device's
	// address. Such rules load, and do nothing.
	Placeholder bool
}

// Format is one language.
type Format struct {
	Name   string // as --format takes it
	About  string // a few words for a help text
	Manual Manual

	leads   bool   // it can lead the device to another time server, by rules or by the answers to names
	rules   bool   // it does so by rules, which lead it to any server
	offers  bool   // it offers that server to the device, and does nothing else
	names   bool   // it blocks by name alone, so that it can say what a run on names found
	comment string // begins a line of comment; "" where there are none
	write   func(*draft, Policy) error
}

// Manual is what docs/exports.md says of a format, as Markdown.
type Manual struct {
	For     string // the program, or what becomes of it there
	Names   string // what it knows of a host name: its addresses, or the name
	Ports   string // whether it tells ports apart
	Device  string // whether it is for the device alone
	Checked string // what our specs hold against it
}

// Formats lists what there is.
func Formats() []Format {
	return []Format{
		{
			Name: "nft", About: "a table for nft -f", leads: true, rules: true, comment: "#", write: nft,
			Manual: Manual{"`nft -f`", "addresses seen", "yes", "yes", "`nft -c`; applied to labs"},
		},
		{
			Name: "iptables", About: "for iptables-restore and ip6tables-restore --noflush", leads: true, rules: true, comment: "#", write: iptables,
			Manual: Manual{"`iptables-restore`, `ip6tables-restore`: one file for both", "addresses seen", "yes", "yes", "`--test`; applied to labs"},
		},
		{
			Name: "openwrt", About: "sections for /etc/config/firewall", leads: true, rules: true, comment: "#", write: openwrt,
			Manual: Manual{"sections of `/etc/config/firewall`", "addresses seen", "yes", "yes", "own tests"},
		},
		{
			Name: "dnsmasq", About: "a blocklist of names", leads: true, names: true, comment: "#", write: dnsmasq,
			Manual: Manual{"a blocklist of names", "yes", "no", "no", "`dnsmasq --test`; its answers"},
		},
		{
			Name: "dnsmasq-nftset", About: "makes the table of nft follow names", comment: "#", write: dnsmasqSets,
			Manual: Manual{"dnsmasq, which fills the sets of the `nft` export", "followed by dnsmasq", "yes", "yes", "`dnsmasq --test`; applied to labs"},
		},
		{
			Name: "dhcp", About: "offers your time server by DHCP, for dnsmasq and others", leads: true, offers: true, comment: "#", write: dhcp,
			Manual: Manual{"dnsmasq as a DHCP server. Comments show the same setting for OpenWrt, RouterOS, Kea and ISC dhcpd. Only with `--stand-in`", "–", "–", "yes", "`dnsmasq --test`; applied to a lab"},
		},
		{
			Name: "adguard", About: "filter rules for AdGuard Home", leads: true, names: true, comment: "!", write: adguard,
			Manual: Manual{"AdGuard Home", "yes", "no", "by address", "own tests; AdGuard Home's filter engine"},
		},
		{
			Name: "routeros", About: "commands for MikroTik's RouterOS", leads: true, rules: true, comment: "#", write: routeros,
			Manual: Manual{"MikroTik's terminal", "followed by the router", "yes", "yes", "own tests"},
		},
		{
			Name: "opnsense", About: "contents of aliases, with instructions", comment: "#", write: opnsense,
			Manual: Manual{"OPNsense: aliases, with instructions", "looked up every 300 s", "by hand", "by hand", "own tests"},
		},
		{
			Name: "pihole", About: "a script for Pi-hole 6, for this client alone", leads: true, names: true, comment: "#", write: pihole,
			Manual: Manual{"a script for Pi-hole 6: a group with this client. Not with `allow-required`", "yes", "no", "by MAC or address", "own tests, on a database with Pi-hole's tables"},
		},
		{
			Name: "pihole-list", About: "a list of names for Pi-hole, for every client", names: true, comment: "#", write: piholeList,
			Manual: Manual{"a list of names for Pi-hole. Not with `allow-required`", "yes", "no", "no", "own tests"},
		},
		{
			Name: "hosts", About: "a hosts file", leads: true, names: true, comment: "#", write: hosts,
			Manual: Manual{"a `hosts` file. Not with `allow-required`", "yes", "no", "no", "own tests"},
		},
		{
			Name: "unifi", About: "instructions with lists", comment: "#", write: unifi,
			Manual: Manual{"UniFi: instructions", "addresses seen", "by hand", "by hand", "own tests"},
		},
		{
			Name: "mud", About: "a Manufacturer Usage Description, RFC 8520", write: mud,
			Manual: Manual{"a MUD file (RFC 8520). Only with `allow-required`", "yes", "yes", "yes, each file is for one device", "own tests; yanglint with the modules of RFC 8520 and 8519"},
		},
		{
			Name: "ha-mqtt", About: "messages of MQTT discovery for Home Assistant", write: haMQTT,
			Manual: Manual{"Home Assistant shows the policy, and enforces nothing", "–", "–", "–", "own tests"},
		},
	}
}

// formatsThat lists the names of the formats that have something.
func formatsThat(have func(Format) bool) (names []string) {
	for _, format := range Formats() {
		if have(format) {
			names = append(names, format.Name)
		}
	}
	return names
}

// leading are the names of the formats that can lead the device to another time server.
func leading() []string { return formatsThat(func(f Format) bool { return f.leads }) }

// ByName reports whether the language blocks by name alone, so that it can say what a run
// on names found.
func (f Format) ByName() bool { return f.names }

// Find is the format with this name; the error lists all.
func Find(name string) (Format, error) {
	var names []string
	for _, format := range Formats() {
		if format.Name == name {
			return format, nil
		}
		names = append(names, format.Name)
	}
	return Format{}, fmt.Errorf("there is no export format %q: choose one of %s", name, strings.Join(names, ", "))
}

// Offers reports whether an export only offers the owner's server to the device, and blocks
// nothing.
func (f Format) Offers() bool { return f.offers }

// Comments reports whether the language has comments, in which an export says
// what was lost.
func (f Format) Comments() bool { return f.comment != "" }

// Export writes a policy. The error says why the language cannot express it at
// all.
func (f Format) Export(p Policy) (Export, error) {
	if p.ByName && !f.names {
		return Export{}, fmt.Errorf("the run was made with placement dns: it knows names and no ports, so that no firewall rules can be made of it: choose one of %s", strings.Join(formatsThat(Format.ByName), ", "))
	}
	if len(p.Own) > 0 && !f.leads {
		return Export{}, fmt.Errorf("it cannot lead the device to your time server: choose one of %s, or leave out --stand-in", strings.Join(leading(), ", "))
	}
	if len(p.OwnDNS) > 0 && !f.rules {
		redirecting := formatsThat(func(f Format) bool { return f.rules })
		return Export{}, fmt.Errorf("it cannot lead the device to your DNS server, since a resolver that is built in has no name: choose one of %s, or leave out --stand-in dns", strings.Join(redirecting, ", "))
	}
	if len(p.Own) == 0 && f.offers {
		return Export{}, fmt.Errorf("it offers your own server to the device: add --stand-in ntp=ADDRESS")
	}
	d := &draft{mark: f.comment}
	if err := f.write(d, p); err != nil {
		return Export{}, err
	}
	text := d.body.String()
	unknown := placeholder(text)
	if unknown != "" {
		d.said = append(d.said, sentence("FILL IN the device: %s is a placeholder for its address.", unknown))
	}
	if f.comment != "" {
		text = f.head(p, d) + text
	}
	return Export{text, d.lost, unknown != ""}, nil
}

// head are the comments at the top.
func (f Format) head(p Policy, body *draft) string {
	d := draft{mark: f.comment}
	if p.Simulated {
		d.comment("SIMULATED DEVICE: the run describes a world of the lab. Do not load this for a real device.")
	}
	d.comment("needwant: %s for %s", p.Kind, p.title())
	for _, sentence := range slices.Concat(p.Proof, body.said, p.Doubts) {
		d.comment("%s", sentence)
	}
	if len(body.lost) > 0 {
		d.comment("Not expressed by the format %s:", f.Name)
	}
	for _, sentence := range body.lost {
		d.comment("- %s", sentence)
	}
	d.line("")
	return d.body.String()
}

// title names the device, and says if it is simulated.
func (p Policy) title() string {
	if p.Simulated {
		return "simulated device " + p.Device.title()
	}
	return p.Device.title()
}

// draft is an export being written.
type draft struct {
	mark string // begins a comment
	body strings.Builder
	said []string // more of what stands behind it, for the comments at the top
	lost []string
}

// line adds one line, whatever is in its arguments.
func (d *draft) line(format string, args ...any) {
	d.body.WriteString(oneLine(fmt.Sprintf(format, args...)) + "\n")
}

// comment adds a line of comment, whatever is in its arguments.
func (d *draft) comment(format string, args ...any) { d.line(d.mark+" "+format, args...) }

// document adds a text of several lines, which is harmless.
func (d *draft) document(text []byte) {
	for line := range strings.Lines(string(text)) {
		d.line("%s", strings.TrimSuffix(line, "\n"))
	}
}

// lose notes what cannot be said, once.
func (d *draft) lose(format string, args ...any) {
	if lost := sentence(format, args...); !slices.Contains(d.lost, lost) {
		d.lost = append(d.lost, lost)
	}
}
