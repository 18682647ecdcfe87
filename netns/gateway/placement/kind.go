package placement

import (
	"fmt"
	"net/netip"

	"github.com/needwant/needwant/netns/gateway/guard"
)

// Kind is a way to place a gateway.
type Kind string

// way is one kind of placement, with all that it does in its own manner. Each has a
// file of its own.
type way struct {
	kind Kind

	moves   bool // the device moves to a network of the gateway's
	crowded bool // everybody at home is on the link to the device
	takes   bool // the link to the device is taken from the machine for a while
	shares  bool // the gateway writes into the machine's own tables

	validate func(c Config) error       // what the configuration lacks
	complete func(c Config) error       // what it lacks for being carried out, though it can be shown; nil if nothing
	locks    func(c Config) guard.Names // what no two programs may have at once, beside the device and the uplink
	check    func(p *Plan) error        // why it cannot be carried out now; changes nothing
	steps    func(p *Plan) []step       // how to carry it out
	work     func(c Config) []string    // what the gateway does then, in words

	readdress func(uses netip.Addr) string // how the device gets its address, if it uses another
}

// ways lists all kinds of placement.
func ways() []way { return []way{nic(), vlan(), oneArm(), ap(), host()} }

// wayOf finds a kind of placement.
func wayOf(kind Kind) (found way, known bool) {
	for _, w := range ways() {
		if w.kind == kind {
			return w, true
		}
	}
	return way{}, false
}

// Kinds are those that there is a plan for.
func Kinds() (kinds []Kind) {
	for _, w := range ways() {
		kinds = append(kinds, w.kind)
	}
	return kinds
}

// lockInside locks the link to the device.
func lockInside(c Config) guard.Names { return guard.Names{Alone: []string{"interface " + c.Inside}} }

// needMAC refuses a configuration that does not say which of several clients the
// device is.
func (c Config) needMAC() error {
	if c.MAC == nil {
		return fmt.Errorf("placement %s needs the device's MAC address: write device: {mac: …} in the spec", c.Kind)
	}
	return nil
}

// needLinks refuses a configuration without two different links.
func (c Config) needLinks() error {
	if c.Inside == "" || c.Uplink == "" || c.Inside == c.Uplink {
		return fmt.Errorf("a placement needs two links, not %q and %q", c.Inside, c.Uplink)
	}
	return nil
}

// inNamespace is the work of a gateway in a namespace of its own.
func inNamespace(Config) []string {
	return []string{
		"make the namespace a gateway: forwarding, address translation, a packet log, a resolver, chains NEEDWANT* of iptables, all within it",
		"wait for the device, then block sets of its destinations, within the namespace",
	}
}

// renew is how a device gets an address in a network that it has just moved to.
func renew(netip.Addr) string {
	return "its address is fixed, or one from its last network: set the device to get its address automatically (DHCP), " +
		"and switch it off and on"
}
