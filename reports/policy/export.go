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
}

// Format is one language.
type Format struct {
	Name  string // as --format takes it
	About string // a few words for a help text

	comment string // begins a line of comment; "" where there are none
	write   func(*draft, Policy) error
}

// Formats lists what there is.
func Formats() []Format {
	return []Format{
		{"nft", "a table for nft -f", "#", nft},
		{"iptables", "for iptables-restore and ip6tables-restore --noflush", "#", iptables},
		{"openwrt", "sections for /etc/config/firewall", "#", openwrt},
		{"dnsmasq", "a block list of names", "#", dnsmasq},
		{"dnsmasq-nftset", "makes the table of nft follow names", "#", dnsmasqSets},
		{"adguard", "filter rules for AdGuard Home", "!", adguard},
		{"routeros", "commands for MikroTik's RouterOS", "#", routeros},
		{"opnsense", "contents of aliases, with instructions", "#", opnsense},
		{"hosts", "a hosts file, for Pi-hole too", "#", hosts},
		{"unifi", "instructions with lists", "#", unifi},
		{"mud", "a Manufacturer Usage Description, RFC 8520", "", mud},
		{"ha-mqtt", "messages of MQTT discovery for Home Assistant", "", haMQTT},
	}
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

// Comments tells whether the language has comments, in which an export says
// what was lost.
func (f Format) Comments() bool { return f.comment != "" }

// Export writes a policy. The error says why the language cannot express it at
// all.
func (f Format) Export(p Policy) (Export, error) {
	var d draft
	if err := f.write(&d, p); err != nil {
		return Export{}, err
	}
	text := d.body.String()
	if f.comment != "" {
		text = f.head(p, d.lost) + text
	}
	return Export{text, d.lost}, nil
}

// head are the comments at the top.
func (f Format) head(p Policy, lost []string) string {
	var out strings.Builder
	say := func(format string, args ...any) {
		fmt.Fprintf(&out, "%s %s\n", f.comment, fmt.Sprintf(format, args...))
	}
	if p.Simulated {
		say("SIMULATED DEVICE: the run describes a world of the lab. Do not load this for a real device.")
	}
	say("needwant: %s for %s", p.Kind, p.title())
	for _, sentence := range slices.Concat(p.Proof, p.Doubts) {
		say("%s", sentence)
	}
	if len(lost) > 0 {
		say("What %s cannot say:", f.Name)
	}
	for _, sentence := range lost {
		say("- %s", sentence)
	}
	out.WriteString("\n")
	return out.String()
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
	body strings.Builder
	lost []string
}

// line adds one line.
func (d *draft) line(format string, args ...any) {
	fmt.Fprintf(&d.body, format+"\n", args...)
}

// lose notes what cannot be said, once.
func (d *draft) lose(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	if !slices.Contains(d.lost, sentence) {
		d.lost = append(d.lost, sentence)
	}
}
