package harness

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Destination is what a device contacts: a host name, or an address where the
// device asked for no name, with protocol and port. It is comparable, and is
// the row of the matrix.
type Destination struct {
	Protocol string // "tcp" or "udp"
	Port     uint16
	Name     string // host name or address, lower case, without a trailing dot
}

// String is the destination's id, protocol/port/name, as in
// "udp/123/timeball3.its.waikato.ac.nz".
func (d Destination) String() string {
	return fmt.Sprintf("%s/%d/%s", d.Protocol, d.Port, d.Name)
}

// ParseDestination reads an id as [Destination.String] writes it.
func ParseDestination(id string) (Destination, error) {
	protocol, rest, _ := strings.Cut(id, "/")
	port, name, ok := strings.Cut(rest, "/")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || number == 0 || name == "" || (protocol != "tcp" && protocol != "udp") {
		return Destination{}, fmt.Errorf("%q is no destination: write protocol/port/name, as in udp/123/pool.ntp.org", id)
	}
	return Destination{protocol, uint16(number), strings.ToLower(strings.TrimSuffix(name, "."))}, nil
}

// MarshalText writes the id.
func (d Destination) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the id.
func (d *Destination) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDestination(string(text))
	return err
}

// Address is the destination's address where it has no host name.
func (d Destination) Address() (netip.Addr, bool) {
	address, err := netip.ParseAddr(d.Name)
	return address, err == nil
}

// Host is the destination's host name, or "" where it has only an address.
func (d Destination) Host() string {
	if _, bare := d.Address(); bare {
		return ""
	}
	return d.Name
}

// Service is the usual name of what listens there, as "NTP", or "" where the
// port says nothing. The names are IANA's, but for 8053, which is miIO's cloud.
func (d Destination) Service() string {
	switch fmt.Sprintf("%s/%d", d.Protocol, d.Port) {
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
