package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
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
	d.lose("It is not the manufacturer's: mud-url leads nowhere, and nobody has signed it.")
	d.lose("A MUD file has no room for comments.")
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
	d.line("%s", text)
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
		d.entry("dns-udp", "udp", 53, map[string]any{"ietf-mud:mud": dns}),
		d.entry("dns-tcp", "tcp", 53, map[string]any{"ietf-mud:mud": dns}),
		d.entry("dhcp", "udp", dhcp, map[string]any{"ietf-mud:mud": home}),
		accept(d.listName()+"-home", map[string]any{"ietf-mud:mud": home}),
	}
}

// entries allow one destination, by its name where it has one. A name without
// known addresses may turn out to have either kind.
func (d mudDirection) entries(one Destination, number int) []mudACE {
	name := func(i int) string { return fmt.Sprintf("%s-%d", one.Protocol, number+i) }
	addresses := one.only(d.has)
	if one.Host != "" {
		if len(addresses) == 0 && len(one.Addresses) > 0 {
			return nil
		}
		side := map[bool]string{true: "ietf-acldns:dst-dnsname", false: "ietf-acldns:src-dnsname"}[d.fromDevice]
		return []mudACE{d.entry(name(0), one.Protocol, one.Port, map[string]any{d.name: map[string]any{side: one.Host}})}
	}
	side := map[bool]string{true: "destination", false: "source"}[d.fromDevice]
	var entries []mudACE
	for i, address := range addresses {
		network := netip.PrefixFrom(address, address.BitLen()).String()
		match := map[string]any{d.name: map[string]any{side + "-" + d.name + "-network": network}}
		entries = append(entries, d.entry(name(i), one.Protocol, one.Port, match))
	}
	return entries
}

// entry allows a port of the far side, as the device began the talk.
func (d mudDirection) entry(name, protocol string, port uint16, matches map[string]any) mudACE {
	side := map[bool]string{true: "destination-port", false: "source-port"}[d.fromDevice]
	l4 := map[string]any{side: map[string]any{"operator": "eq", "port": port}}
	number := 17
	if protocol == "tcp" {
		l4["ietf-mud:direction-initiated"] = "from-device"
		number = 6
	}
	l3, _ := matches[d.name].(map[string]any)
	if l3 == nil {
		l3 = map[string]any{}
	}
	l3["protocol"] = number
	matches[d.name], matches[protocol] = l3, l4
	return accept(d.listName()+"-"+name, matches)
}

func accept(name string, matches map[string]any) mudACE {
	ace := mudACE{Name: name, Matches: matches}
	ace.Actions.Forwarding = "accept"
	return ace
}
