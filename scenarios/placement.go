package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/internal/yamlfile"
)

// Placement is a place for a gateway, as a spec names it. How each is built is in
// package placement; that of dns is in package resolver.
type Placement struct {
	Name  string
	About string // a few words, for the schema; "" if the name says it
	Where string // where the device is then, in a line, for those who choose

	// Usual has the keys of the gateway that it needs, with values that are often right.
	Usual Gateway

	crosses bool   // all that the device exchanges with the home and the internet crosses the gateway, and nothing else does
	keeps   bool   // the device keeps the address that it has at home
	mac     string // why the spec must have the device's MAC address; "" if it need not
	address bool   // the spec must have the device's address, too
}

// AllPlacements lists what there is. The first is that of a simulated device.
func AllPlacements() []Placement {
	const inside, uplink = "eth1", "eth0"
	return []Placement{
		{
			Name: Lab, About: "a simulated device",
			Where: "a simulated device: nothing to connect, to try needwant",
			Usual: Gateway{World: "s50-thread"},
		},
		{
			Name: "nic", About: "a second network card",
			Where: "the device is connected to a second network card of this machine, or to an access point there",
			Usual: Gateway{Inside: inside, Uplink: uplink}, crosses: true,
		},
		{
			Name:  "vlan",
			Where: "the device is in a VLAN of this machine's only card: takes a switch or access point that knows VLANs",
			Usual: Gateway{Inside: uplink, Uplink: uplink, VLAN: 50}, crosses: true,
		},
		{
			Name: "onearm", About: "one card for both sides",
			Where: "the device stays where it is: one card, and the home router leaves the device's DHCP to needwant",
			Usual: Gateway{Uplink: uplink}, crosses: true,
			mac: "every other client of the home network is on the same cable, and must not be answered",
		},
		{
			Name: "ap", About: "our own Wi-Fi",
			Where: "this machine's own Wi-Fi is the device's access point",
			Usual: Gateway{Inside: "wlan0", Uplink: uplink, SSID: "things", Passphrase: "env:WIFI_PASSPHRASE"}, crosses: true,
			mac: "all others who know the Wi-Fi's name and passphrase are kept out",
		},
		{
			Name: "host", About: "this Linux router itself",
			Where: "this machine is the home's router",
			Usual: Gateway{Inside: inside, Uplink: uplink}, keeps: true,
			mac: "the router's list of devices has them", address: true,
		},
		{
			Name: ByDNS, About: "the device's DNS server; no cables are moved",
			Where: "no cable is moved: this machine becomes the device's DNS server, and blocks names alone",
			keeps: true,
		},
	}
}

// Placements lists their names.
func Placements() (names []string) {
	for _, p := range AllPlacements() {
		names = append(names, p.Name)
	}
	return names
}

// PlacementOf finds a place by its name. The error suggests another.
func PlacementOf(name string) (Placement, error) {
	for _, p := range AllPlacements() {
		if p.Name == name {
			p.Usual.Placement = name
			return p, nil
		}
	}
	return Placement{}, fmt.Errorf("unknown placement %q: %s", name, yamlfile.Suggest(name, Placements()))
}

// placement is that of the gateway. The spec was checked.
func (g Gateway) placement() Placement {
	found, _ := PlacementOf(g.Placement)
	return found
}

// Needs lists the keys of the gateway that the placement needs.
func (p Placement) Needs() (keys []string) {
	for _, have := range p.Usual.settings() {
		if have.value != "" {
			keys = append(keys, have.key)
		}
	}
	return keys
}

// NeedsMAC reports whether a spec must have the device's MAC address.
func (p Placement) NeedsMAC() bool { return p.mac != "" }

// oneLink reports whether the link to the device may be the uplink, too.
func (p Placement) oneLink() bool { return p.Usual.Inside == p.Usual.Uplink }

// wrongKey finds a key of a gateway that the placement needs and has not, or has and
// takes no notice of.
func (p Placement) wrongKey(g Gateway) *yamlfile.Flaw {
	needed := p.Needs()
	for _, have := range g.settings() {
		switch needs := slices.Contains(needed, have.key); {
		case needs && have.value == "":
			return yamlfile.FlawAt(keys("gateway"), "write "+have.key+": "+have.example, "placement %s needs %s", p.Name, have.key)
		case !needs && have.value != "":
			return yamlfile.FlawAt(keys("gateway", have.key), "leave it out", "placement %s has no %s", p.Name, have.key)
		}
	}
	return nil
}

// aboutPlacements lists them with what each is.
func aboutPlacements() string {
	var all []string
	for _, p := range AllPlacements() {
		if p.About != "" {
			p.Name += " (" + p.About + ")"
		}
		all = append(all, p.Name)
	}
	return strings.Join(all, ", ") + "."
}
