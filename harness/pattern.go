package harness

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Pattern names destinations in a spec. It takes one of these forms:
//
//   - a host name or an address: every protocol and port of it
//   - *.DOMAIN: every name below a domain
//   - protocol/port/name, with * for any of the three, e.g. tcp/443/* or */*/203.0.113.5
//
// The zero Pattern matches nothing.
type Pattern struct {
	protocol string // "" for every protocol
	port     string // "" for every port; otherwise as [Destination.PortText] writes it
	name     string // a host name or an address, "*.DOMAIN", or "*" for every name
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{name: strings.ToLower(strings.TrimSuffix(text, "."))}
	if parts := strings.SplitN(text, "/", 3); len(parts) == 3 {
		p = Pattern{
			protocol: strings.TrimSuffix(strings.ToLower(parts[0]), "*"),
			port:     strings.TrimSuffix(strings.ToLower(parts[1]), "*"),
			name:     strings.ToLower(strings.TrimSuffix(parts[2], ".")),
		}
	}
	if !p.valid() {
		return Pattern{}, fmt.Errorf("%q is not a pattern: write a host, *.domain, an address, or protocol/port/name, e.g. tcp/443/*.example.com", text)
	}
	if address, err := netip.ParseAddr(p.name); err == nil {
		p.name = address.String()
	}
	return p, nil
}

func (p Pattern) valid() bool {
	if !slices.Contains([]string{"", TCP, UDP, ICMP}, p.protocol) {
		return false
	}
	if number, err := strconv.ParseUint(p.port, 10, 16); p.port != "" && p.port != "echo" && (err != nil || number == anyPort) {
		return false
	}
	name := strings.TrimPrefix(p.name, "*.")
	anyName := p.name == "*" && (p.protocol != "" || p.port != "")
	return name != "" && !strings.ContainsFunc(name, notPartOfName) && (anyName || !strings.Contains(name, "*"))
}

// String returns the pattern in the form that [ParsePattern] reads.
func (p Pattern) String() string {
	if p.protocol == "" && p.port == "" {
		return p.name
	}
	or := func(text string) string {
		if text == "" {
			return "*"
		}
		return text
	}
	return or(p.protocol) + "/" + or(p.port) + "/" + p.name
}

// Matches reports whether the pattern names a destination, by its name or by one
// of its addresses. A destination that stands for several names or ports matches
// only if the pattern names all of them.
func (p Pattern) Matches(d Destination, addresses ...netip.Addr) bool {
	if p.name == "" || p.protocol != "" && p.protocol != d.Protocol || p.port != "" && p.port != d.PortText() {
		return false
	}
	if p.MatchesName(d.Name) {
		return true
	}
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return p.name == a.Unmap().String() })
}

// MatchesName reports whether the pattern names a host, whatever its protocol and
// port are.
func (p Pattern) MatchesName(name string) bool {
	if p.name == "*" || p.name == name {
		return true
	}
	domain, below := strings.CutPrefix(p.name, "*.")
	return below && strings.HasSuffix(name, "."+domain)
}

// Destinations lists what stands together for all that the pattern names: one
// destination for each protocol. Nothing stands for every name, so that the list is
// empty then.
func (p Pattern) Destinations() (all []Destination) {
	if p.name == "*" || p.name == "" {
		return nil
	}
	for _, protocol := range []string{TCP, UDP, ICMP} {
		if p.protocol != "" && p.protocol != protocol || p.port != "" && (p.port == "echo") != (protocol == ICMP) {
			continue
		}
		number, _ := strconv.ParseUint(p.port, 10, 16) // "" and "echo" have none
		all = append(all, Destination{Protocol: protocol, Port: uint16(number), Name: p.name})
	}
	return all
}

// MarshalText writes the pattern.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the pattern.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePattern(string(text))
	return err
}
