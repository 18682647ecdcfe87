package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/needwant/needwant/harness"
)

// The parts of a MUD file that are used here: RFC 8520 section 2, with the
// access lists of RFC 8519.
type mudFile struct {
	MUD  mudPart `json:"ietf-mud:mud"`
	ACLs struct {
		ACL []mudACL `json:"acl"`
	} `json:"ietf-access-control-list:acls"`
}

type mudPart struct {
	Version    int       `json:"mud-version"`
	URL        string    `json:"mud-url"`
	LastUpdate string    `json:"last-update"`
	Validity   int       `json:"cache-validity"` // hours, 1 to 168
	Supported  bool      `json:"is-supported"`
	SystemInfo string    `json:"systeminfo"`
	Model      string    `json:"model-name"`
	Firmware   string    `json:"firmware-rev"`
	From       mudPolicy `json:"from-device-policy"`
	To         mudPolicy `json:"to-device-policy"`
}

type mudPolicy struct {
	Lists struct {
		List []mudName `json:"access-list"`
	} `json:"access-lists"`
}

type mudName struct {
	Name string `json:"name"`
}

type mudACL struct {
	Name string `json:"name"`
	Type string `json:"type"`
	ACEs struct {
		ACE []mudACE `json:"ace"`
	} `json:"aces"`
}

type mudACE struct {
	Name    string         `json:"name"`
	Matches map[string]any `json:"matches"`
	Actions struct {
		Forwarding string `json:"forwarding"`
	} `json:"actions"`
}

// mudHours is how long a MUD manager may keep the file: the RFC's own default.
const mudHours = 48

// mud writes a file that allows what is open, and DNS and DHCP, in both
// directions.
func mud(d *draft, p Policy) error {
	if p.Kind == BlockOptional {
		return errors.New("a MUD file can only allow: choose --policy allow-required")
	}
	d.lose("The manufacturer did not write it: mud-url leads nowhere, and nobody has signed it.")
	d.lose("A MUD file has no room for comments.")
	d.loseDomains(p.Open)
	for _, ping := range p.pings() {
		d.lose("%s", ping)
	}
	file := mudFile{MUD: mudPart{
		Version:    1,
		URL:        "https://mud.example/" + p.Device.slug() + ".json",
		LastUpdate: p.Started.UTC().Format(time.RFC3339),
		Validity:   mudHours,
		Supported:  false,
		SystemInfo: short(p.title(), 60),
		Model:      p.Device.Model,
		Firmware:   p.Device.Firmware,
	}}
	for _, family := range []mudFamily{{"ipv4", netip.Addr.Is4}, {"ipv6", netip.Addr.Is6}} {
		file.add(mudDirection{family, true}, p)
		file.add(mudDirection{family, false}, p)
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the MUD file: %w", err)
	}
	d.document(text)
	return nil
}

// mudFamily is "ipv4" or "ipv6".
type mudFamily struct {
	name string
	has  func(netip.Addr) bool
}

// mudDirection is one of the four access lists.
type mudDirection struct {
	mudFamily
	fromDevice bool
}

func (d mudDirection) listName() string {
	if d.fromDevice {
		return "from-" + d.name
	}
	return "to-" + d.name
}

// add writes one access list, and names it in its policy.
func (f *mudFile) add(d mudDirection, p Policy) {
	list := mudACL{Name: d.listName(), Type: d.name + "-acl-type"}
	list.ACEs.ACE = append(list.ACEs.ACE, d.essentials()...)
	for _, s := range services(p.Open) {
		for _, one := range s.Destinations {
			list.ACEs.ACE = append(list.ACEs.ACE, d.entries(one, len(list.ACEs.ACE))...)
		}
	}
	f.ACLs.ACL = append(f.ACLs.ACL, list)
	policy := &f.MUD.To
	if d.fromDevice {
		policy = &f.MUD.From
	}
	policy.Lists.List = append(policy.Lists.List, mudName{list.Name})
}

// essentials are DNS by the class that the RFC defines, DHCP, and the home,
// where the run blocked nothing.
func (d mudDirection) essentials() []mudACE {
	dhcp := uint16(67)
	if d.name == "ipv6" {
		dhcp = 547
	}
	dns := map[string]any{"controller": "urn:ietf:params:mud:dns"}
	home := map[string]any{"local-networks": []any{nil}}
	return []mudACE{
		d.entry("dns-udp", harness.Destination{Protocol: harness.UDP, Port: 53}, map[string]any{"ietf-mud:mud": dns}),
		d.entry("dns-tcp", harness.Destination{Protocol: harness.TCP, Port: 53}, map[string]any{"ietf-mud:mud": dns}),
		d.entry("dhcp", harness.Destination{Protocol: harness.UDP, Port: dhcp}, map[string]any{"ietf-mud:mud": home}),
		accept(d.listName()+"-home", map[string]any{"ietf-mud:mud": home}),
	}
}

// entries allow one destination, by its name if it has one. A name without known
// addresses may turn out to have either kind.
func (d mudDirection) entries(one Destination, number int) []mudACE {
	name := func(i int) string { return fmt.Sprintf("%s-%d", one.ID.Protocol, number+i) }
	addresses := one.only(d.has)
	if host := one.plainHost(); host != "" {
		if len(addresses) == 0 && len(one.Addresses) > 0 {
			return nil
		}
		side := map[bool]string{true: "ietf-acldns:dst-dnsname", false: "ietf-acldns:src-dnsname"}[d.fromDevice]
		return []mudACE{d.entry(name(0), one.ID, map[string]any{d.name: map[string]any{side: host}})}
	}
	side := map[bool]string{true: "destination", false: "source"}[d.fromDevice]
	var entries []mudACE
	for i, address := range addresses {
		network := netip.PrefixFrom(address, address.BitLen()).String()
		match := map[string]any{d.name: map[string]any{side + "-" + d.name + "-network": network}}
		entries = append(entries, d.entry(name(i), one.ID, match))
	}
	return entries
}

// entry allows what the device sends to a port of the far side, or what comes back.
func (d mudDirection) entry(name string, at harness.Destination, matches map[string]any) mudACE {
	l4, number := d.transport(at)
	l3, _ := matches[d.name].(map[string]any)
	if l3 == nil {
		l3 = map[string]any{}
	}
	l3["protocol"] = number
	matches[d.name] = l3
	if len(l4) > 0 {
		matches[at.Protocol] = l4
	}
	return accept(d.listName()+"-"+name, matches)
}

// transport is the match for the port of a destination, or for ICMP's echo, and
// the protocol's number. The device began the talk.
func (d mudDirection) transport(at harness.Destination) (match map[string]any, number int) {
	match = map[string]any{}
	switch at.Protocol {
	case harness.ICMP:
		return d.ping()
	case harness.TCP:
		match["ietf-mud:direction-initiated"], number = "from-device", 6
	default:
		number = 17
	}
	if !at.EveryPort() {
		side := map[bool]string{true: "destination-port", false: "source-port"}[d.fromDevice]
		match[side] = map[string]any{"operator": "eq", "port": at.Port}
	}
	return match, number
}

// ping is the match for an echo request, or for its reply: RFC 792 and RFC 4443.
func (d mudDirection) ping() (match map[string]any, number int) {
	kind, number := map[bool]int{true: 8, false: 0}[d.fromDevice], 1
	if d.name == "ipv6" {
		kind, number = map[bool]int{true: 128, false: 129}[d.fromDevice], 58
	}
	return map[string]any{"type": kind, "code": 0}, number
}

func accept(name string, matches map[string]any) mudACE {
	ace := mudACE{Name: name, Matches: matches}
	ace.Actions.Forwarding = "accept"
	return ace
}
