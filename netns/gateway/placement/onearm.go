package placement

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/needwant/needwant/netns/gateway/guard"
)

// OneArm places the gateway beside the device in the home network, on one link.
const OneArm Kind = "onearm"

func oneArm() way {
	return way{
		kind: OneArm, crowded: true, work: inNamespace,
		locks: func(Config) guard.Names { return guard.Names{} },
		check: func(p *Plan) error { return p.checkHome(nil) },
		validate: func(c Config) error {
			if c.Uplink == "" || c.Inside != "" {
				return errors.Join(c.needMAC(), fmt.Errorf("placement onearm needs an uplink and nothing else, not %q and %q", c.Uplink, c.Inside))
			}
			return c.needMAC()
		},
		steps: func(p *Plan) []step {
			c := p.config
			return append([]step{
				{what: fmt.Sprintf("create a private network namespace, and a journal in %s", c.Folder), do: p.begin},
				{what: "start the cleanup process, which removes our interfaces if needwant dies", do: p.watch},
				{what: fmt.Sprintf("add a macvlan interface on %s for the device, with the MAC address %s", c.Uplink, c.insideMAC()), machine: true, makes: []string{insideName}, do: p.addInside},
				p.furnishing(p.furnishInside),
			}, p.home()...)
		},
		readdress: func(netip.Addr) string {
			return "the home router gave it that address, or it is fixed: block the device's MAC address in the home router's DHCP settings, " +
				"set the device to get its address automatically (DHCP), and switch it off and on"
		},
	}
}

// addInside gives the device a link to the gateway on the wire that it shares
// with everybody. Each of the two links there answers for its own address alone.
func (p *Plan) addInside(_ context.Context, placed *Placed) error {
	placed.Inside = insideName
	placed.IPv6 = "IPv6 of the home router reaches the device past the gateway: turn it off in the home router, if it has it"
	return errors.Join(
		p.addMacvlan(placed, insideName, p.config.insideMAC()),
		placed.Namespace.Sysctl("net.ipv4.conf.all.arp_ignore", "1"),
		placed.Namespace.Sysctl("net.ipv4.conf.all.arp_announce", "2"),
	)
}
