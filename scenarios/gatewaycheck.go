package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/needwant/needwant/internal/yamlfile"
)

// longestSSID is in bytes (IEEE 802.11, 9.4.2.2).
const longestSSID = 32

func (f File) checkGateway() *yamlfile.Flaw {
	g := f.Gateway
	placement, unknown := PlacementOf(g.Placement)
	if g.Placement == "" {
		return yamlfile.FlawAt(keys("gateway"), "write placement: lab to try the spec on a simulated device, or one of "+strings.Join(Placements()[1:], ", "), "the gateway has no placement")
	}
	if unknown != nil {
		return yamlfile.FlawAt(keys("gateway", "placement"), yamlfile.Suggest(g.Placement, Placements()), "unknown placement %q", g.Placement)
	}
	if flaw := firstFlaw(placement.wrongKey(g), f.checkAmongOthers()); flaw != nil {
		return flaw
	}
	if len(g.SSID) > longestSSID {
		return yamlfile.FlawAt(keys("gateway", "ssid"), "write the name as the Wi-Fi has it", "the name of a Wi-Fi has at most %d bytes, this one %d", longestSSID, len(g.SSID))
	}
	if !placement.oneLink() && g.Inside != "" && g.Inside == g.Uplink {
		return yamlfile.FlawAt(keys("gateway", "uplink"), "name another link, or take placement onearm", "inside and uplink are both %s", g.Uplink)
	}
	if flaw := g.checkForward(); flaw != nil {
		return flaw
	}
	if flaw := g.checkIsolation(); flaw != nil {
		return flaw
	}
	if g.VLAN < 0 || g.VLAN > 4094 {
		return yamlfile.FlawAt(keys("gateway", "vlan"), "write a number from 1 to 4094", "vlan is %d", g.VLAN)
	}
	return nil
}

// checkAmongOthers rejects a spec that does not say which one of several clients
// the device is.
func (f File) checkAmongOthers() *yamlfile.Flaw {
	placement := f.Gateway.placement()
	switch {
	case placement.address && (f.Device.MAC == "" || !f.Device.Address.IsValid()):
		return yamlfile.FlawAt(keys("device"), "write both: "+placement.mac, "placement %s needs the device's mac and address", placement.Name)
	case placement.NeedsMAC() && f.Device.MAC == "":
		return yamlfile.FlawAt(keys("device"), `write mac: "7c:49:eb:00:00:01": `+placement.mac, "placement %s needs the device's mac", placement.Name)
	}
	return nil
}

// setting is one key of a gateway, as a text; "" where it is left out.
type setting struct{ key, value, example string }

func (g Gateway) settings() []setting {
	vlan := ""
	if g.VLAN != 0 {
		vlan = strconv.Itoa(g.VLAN)
	}
	return []setting{
		{"world", g.World, "s50-thread"}, {"inside", g.Inside, "eth1"}, {"uplink", g.Uplink, "eth0"},
		{"vlan", vlan, "50"}, {"ssid", g.SSID, "things"}, {"passphrase", string(g.Passphrase), "env:PASSPHRASE"},
	}
}

// What becomes of the protocols that cannot be tested.
const (
	dropOthers  = "drop"
	allowOthers = "allow"
)

// AllowsOthers reports whether protocols that cannot be tested may leave.
func (g Gateway) AllowsOthers() bool { return g.Others == allowOthers }

// checkIsolation refuses what says nothing where the device is simulated, or at
// home.
func (g Gateway) checkIsolation() *yamlfile.Flaw {
	nowhere := !g.placement().crosses
	switch {
	case (g.Placement == Lab || g.Placement == ByDNS) && g.Others != "":
		return yamlfile.FlawAt(keys("gateway", "other_protocols"), "leave it out", "placement %s has no other_protocols", g.Placement)
	case g.Others != "" && g.Others != allowOthers && g.Others != dropOthers:
		return yamlfile.FlawAt(keys("gateway", "other_protocols"), yamlfile.Suggest(g.Others, []string{dropOthers, allowOthers}), "unknown word %q", g.Others)
	case nowhere && len(g.Controllers) > 0:
		return yamlfile.FlawAt(keys("gateway", "controllers"), "leave it out", "placement %s has no controllers", g.Placement)
	case nowhere && g.Isolate != nil:
		return yamlfile.FlawAt(keys("gateway", "isolate"), "leave it out", "placement %s has no isolate", g.Placement)
	case len(g.Controllers) > 0 && g.Isolate != nil && !*g.Isolate:
		return yamlfile.FlawAt(keys("gateway", "controllers"), "leave out one of the two", "without isolation the device may call all of the home network anyway")
	}
	for i, controller := range g.Controllers {
		if !controller.IsValid() || !controller.IsGlobalUnicast() {
			return yamlfile.FlawAt(keys("gateway", "controllers", strconv.Itoa(i)), "write an address such as 192.168.1.5", "%s is not a host's address", controller)
		}
	}
	return nil
}

func (g Gateway) checkForward() *yamlfile.Flaw {
	if len(g.Forward) > 0 && !g.placement().crosses {
		return yamlfile.FlawAt(keys("gateway", "forward"), "leave it out: controllers have a route to the device", "placement %s has no forward", g.Placement)
	}
	for i, port := range g.Forward {
		if _, _, err := port.Split(); err != nil {
			return yamlfile.FlawAt(keys("gateway", "forward", strconv.Itoa(i)), "write it as udp/54321", "%v", err)
		}
		if slices.Contains(g.Forward[:i], port) {
			return yamlfile.FlawAt(keys("gateway", "forward", strconv.Itoa(i)), "leave one out", "%s is given twice", port)
		}
	}
	return nil
}
