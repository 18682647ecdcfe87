package policy

import (
	"errors"
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
	Name  string // as --format takes it
	About string // a few words for a help text

	leads   bool   // it can lead the device to another time server, by rules or by the answers to names
	names   bool   // it blocks by name alone, so that it can say what a run on names found
	comment string // begins a line of comment; "" where there are none
	write   func(*draft, Policy) error
}

// Formats lists what there is.
func Formats() []Format {
	return []Format{
		{"nft", "a table for nft -f", true, false, "#", nft},
		{"iptables", "for iptables-restore and ip6tables-restore --noflush", true, false, "#", iptables},
		{"openwrt", "sections for /etc/config/firewall", true, false, "#", openwrt},
		{"dnsmasq", "a block list of names", true, true, "#", dnsmasq},
		{"dnsmasq-nftset", "makes the table of nft follow names", false, false, "#", dnsmasqSets},
		{"adguard", "filter rules for AdGuard Home", true, true, "!", adguard},
		{"routeros", "commands for MikroTik's RouterOS", true, false, "#", routeros},
		{"opnsense", "contents of aliases, with instructions", false, false, "#", opnsense},
		{"pihole", "a script for Pi-hole 6, for this client alone", true, true, "#", pihole},
		{"pihole-list", "a list of names for Pi-hole, for every client", false, true, "#", piholeList},
		{"hosts", "a hosts file", true, true, "#", hosts},
		{"unifi", "instructions with lists", false, false, "#", unifi},
		{"mud", "a Manufacturer Usage Description, RFC 8520", false, false, "", mud},
		{"ha-mqtt", "messages of MQTT discovery for Home Assistant", false, false, "", haMQTT},
	}
}

// leading are the names of the formats that can lead the device to another time server.
func leading() (names []string) {
	for _, format := range Formats() {
		if format.leads {
			names = append(names, format.Name)
		}
	}
	return names
}

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

// Comments reports whether the language has comments, in which an export says
// what was lost.
func (f Format) Comments() bool { return f.comment != "" }

// Export writes a policy. The error says why the language cannot express it at
// all.
func (f Format) Export(p Policy) (Export, error) {
	if p.ByName && !f.names {
		return Export{}, errors.New("the run was made with placement dns: it knows names and no ports, so that no firewall rules can be made of it: choose dnsmasq, adguard or hosts")
	}
	if len(p.Own) > 0 && !f.leads {
		return Export{}, fmt.Errorf("format %s cannot lead the device to your time server: choose one of %s, or leave out --stand-in", f.Name, strings.Join(leading(), ", "))
	}
	d := &draft{mark: f.comment}
	if err := f.write(d, p); err != nil {
		return Export{}, err
	}
	text := d.body.String()
	placeholder := strings.Contains(text, placeholderMAC) || strings.Contains(text, placeholderAddress)
	if f.comment != "" {
		text = f.head(p, d) + text
	}
	return Export{text, d.lost, placeholder}, nil
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
		d.comment("What %s cannot say:", f.Name)
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
