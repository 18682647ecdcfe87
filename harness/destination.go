package harness

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The protocols of a destination.
const (
	TCP  = "tcp"
	UDP  = "udp"
	ICMP = "icmp" // echo requests, and nothing else of ICMP
	DNS  = "dns"  // queries for a name, whatever the device wants with its addresses
)

// anyPort is the Port of a destination that stands for every port of its address.
const anyPort = 0

// MostDestinations limits the destinations of one experiment. No device that was looked
// at has more than a few hundred. One that scans the internet has as many as there are
// addresses, and an experiment on them would not end.
const MostDestinations = 512

// Destination is what a device contacts: a host name, or an address if the
// device used no name, with protocol and port. It is comparable, and is the row
// of the matrix. If only the device's DNS queries are seen, it is dns/NAME: that has
// no port, and is blocked by how the queries are answered. Three kinds of destination
// stand for more than one:
//
//   - icmp/echo/HOST: the ICMP (or ICMPv6) echo requests to a host. It has no port.
//   - udp/*/HOST: every port of a host that was contacted on many ports.
//   - tcp/443/*.DOMAIN: every name below a domain whose names do not repeat.
type Destination struct {
	Protocol string // TCP, UDP, ICMP or DNS
	Port     uint16 // 0 for every port, and for ICMP and DNS
	Name     string // host name or address, lower case, without a trailing dot; "*.DOMAIN" for every name below it
}

// String returns the destination's id, protocol/port/name, e.g.
// "udp/123/timeball3.its.waikato.ac.nz", or dns/name.
func (d Destination) String() string {
	if d.Protocol == DNS {
		return DNS + "/" + d.Name
	}
	return d.Protocol + "/" + d.PortText() + "/" + d.Name
}

// PortText returns the port as an id has it: a number, "*" for every port, "echo" for
// ICMP, or "" for DNS.
func (d Destination) PortText() string {
	switch {
	case d.Protocol == DNS:
		return ""
	case d.Protocol == ICMP:
		return "echo"
	case d.Port == anyPort:
		return "*"
	}
	return strconv.Itoa(int(d.Port))
}

// ParseDestination reads an id in the form that [Destination.String] writes.
func ParseDestination(id string) (Destination, error) {
	protocol, rest, _ := strings.Cut(id, "/")
	port, name, ok := strings.Cut(rest, "/")
	if protocol == DNS {
		port, name, ok = "", rest, true
	}
	d := Destination{Protocol: protocol, Name: strings.ToLower(strings.TrimSuffix(name, "."))}
	switch {
	case !ok || d.Name == "" || strings.ContainsFunc(d.Name, notPartOfName):
		ok = false
	case protocol == DNS:
		_, address := d.Address()
		ok = !address
	case protocol == ICMP:
		ok = port == "echo"
	case protocol != TCP && protocol != UDP:
		ok = false
	case port != "*":
		number, err := strconv.ParseUint(port, 10, 16)
		d.Port, ok = uint16(number), err == nil && number != anyPort
	}
	if !ok {
		return Destination{}, fmt.Errorf("%q is not a destination: write protocol/port/name, e.g. udp/123/pool.ntp.org, udp/*/203.0.113.5, icmp/echo/203.0.113.5 or dns/pool.ntp.org", id)
	}
	return d, nil
}

// notPartOfName reports whether a character cannot be part of a name in an id. An
// id is written into reports, rules and lists, one to a line.
func notPartOfName(r rune) bool { return r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r) }

// EveryPort reports whether the destination stands for every port of its address.
func (d Destination) EveryPort() bool {
	return d.Port == anyPort && d.Protocol != ICMP && d.Protocol != DNS
}

// Domain returns the domain of a destination that stands for every name below it;
// ok is false for any other.
func (d Destination) Domain() (domain string, ok bool) { return strings.CutPrefix(d.Name, "*.") }

// wide reports whether the destination stands for more than one: every port, or
// every name below a domain.
func (d Destination) wide() bool {
	_, everyName := d.Domain()
	return everyName || d.EveryPort()
}

// Covers reports whether blocking d blocks all of other: they are the same, or d
// stands for more than one destination and other is one of them.
func (d Destination) Covers(other Destination) bool {
	if d.Protocol != other.Protocol || d.Port != other.Port && !d.EveryPort() {
		return false
	}
	domain, wild := d.Domain()
	return d.Name == other.Name || wild && strings.HasSuffix(other.Name, "."+domain)
}

// MarshalText writes the id.
func (d Destination) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the id.
func (d *Destination) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDestination(string(text))
	return err
}

// Address returns the destination's address; ok is false if it has a host name.
func (d Destination) Address() (netip.Addr, bool) {
	address, err := netip.ParseAddr(d.Name)
	return address, err == nil
}

// Host returns the destination's host name, or "" if it has only an address.
func (d Destination) Host() string {
	if _, bare := d.Address(); bare {
		return ""
	}
	return d.Name
}

// resolves reports whether a device looks names up there: by DNS, or DNS over TLS or QUIC.
func (d Destination) resolves() bool {
	return (d.Protocol == UDP || d.Protocol == TCP) && (d.Port == 53 || d.Port == 853)
}

// Service returns the usual name of the service on this port, e.g. "NTP", or ""
// if the port does not identify one. The names are IANA's, except 8053, which is
// miIO's cloud.
func (d Destination) Service() string {
	switch d.Protocol + "/" + d.PortText() {
	case "icmp/echo":
		return "ping"
	case "tcp/80":
		return "HTTP"
	case "tcp/443":
		return "HTTPS"
	case "udp/443":
		return "QUIC"
	case "udp/53", "tcp/53":
		return "DNS"
	case "tcp/853":
		return "DoT"
	case "udp/123":
		return "NTP"
	case "tcp/1883":
		return "MQTT"
	case "tcp/8883":
		return "MQTTS"
	case "udp/8053":
		return "miIO cloud"
	}
	return ""
}

// Compare orders destinations so that those of one kind are neighbours: by
// service, then registrable part of the name, then name.
func (d Destination) Compare(other Destination) int {
	return cmp.Or(
		cmp.Compare(d.Protocol, other.Protocol),
		cmp.Compare(d.Port, other.Port),
		slices.Compare(d.labels(), other.labels()),
		cmp.Compare(d.Name, other.Name),
	)
}

// labels are the name's labels from the top level down, so that hosts of one
// domain sort together.
func (d Destination) labels() []string {
	if d.Host() == "" {
		return nil
	}
	labels := strings.Split(d.Name, ".")
	slices.Reverse(labels)
	return labels
}
