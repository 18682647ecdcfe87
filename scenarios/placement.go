package scenarios

import (
	"fmt"
	"strings"

	"github.com/needwant/needwant/internal/yamlfile"
)

// placement is a place for a gateway, as a spec names it.
type placement struct {
	name  string
	about string   // a few words for those who choose one; "" if the name says it
	needs []string // the keys of the gateway that it needs
}

// placements lists what there is. How each is built is in package placement; that of
// dns is in package resolver.
func placements() []placement {
	return []placement{
		{Lab, "a simulated device", []string{"world"}},
		{"nic", "a second network card", []string{"inside", "uplink"}},
		{"vlan", "", []string{"inside", "uplink", "vlan"}},
		{"onearm", "one card for both sides", []string{"uplink"}},
		{"ap", "our own Wi-Fi", []string{"inside", "uplink", "ssid", "passphrase"}},
		{"host", "this Linux router itself", []string{"inside", "uplink"}},
		{ByDNS, "the device's DNS server; no cables are moved", nil},
	}
}

// Placements lists the words for places of a gateway. The first is that of a simulated
// device.
func Placements() (names []string) {
	for _, p := range placements() {
		names = append(names, p.name)
	}
	return names
}

func placementOf(name string) (found placement, known bool) {
	for _, p := range placements() {
		if p.name == name {
			return p, true
		}
	}
	return placement{}, false
}

// CheckPlacement reports whether a word names a place for a gateway. The error
// suggests another.
func CheckPlacement(word string) error {
	if _, known := placementOf(word); !known {
		return fmt.Errorf("unknown placement %q: %s", word, yamlfile.Suggest(word, Placements()))
	}
	return nil
}

// aboutPlacements lists them with what each is.
func aboutPlacements() string {
	var all []string
	for _, p := range placements() {
		if p.about != "" {
			p.name += " (" + p.about + ")"
		}
		all = append(all, p.name)
	}
	return strings.Join(all, ", ") + "."
}
