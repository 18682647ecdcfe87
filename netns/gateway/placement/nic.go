package placement

import (
	"cmp"
	"context"
	"fmt"
)

// NIC places the gateway between a link of the machine's that leads to the device
// alone, and the home network.
const NIC Kind = "nic"

func nic() way {
	return way{
		kind: NIC, moves: true, takes: true,
		validate: Config.needLinks, locks: lockInside, work: inNamespace, readdress: renew,
		check: func(p *Plan) error {
			inside, err := p.existing("inside", p.config.Inside)
			if err != nil {
				return err
			}
			return cmp.Or(p.checkFree(inside), p.checkLifeline(inside, false), p.checkHome(inside))
		},
		steps: func(p *Plan) []step {
			c := p.config
			return append([]step{
				{what: fmt.Sprintf("create a private network namespace, and note in %s how %s is now", c.Folder, c.Inside), do: p.begin},
				{what: "start the cleanup process, which gives " + c.Inside + " back if needwant dies", do: p.watch},
				{what: "move " + c.Inside + " into the namespace", machine: true, do: p.borrow},
				p.furnishing(p.furnishInside),
			}, p.home()...)
		},
	}
}

func (p *Plan) borrow(_ context.Context, placed *Placed) error {
	handle := p.config.Machine.Netlink()
	link, err := handle.LinkByName(p.config.Inside)
	if err != nil {
		return err
	}
	if err := handle.LinkSetNsFd(link, placed.Namespace.FD()); err != nil {
		return fmt.Errorf("moving %s into the gateway's namespace: %w: the kernel does not let this kind of link be moved (as Wi-Fi); name another", p.config.Inside, err)
	}
	return nil
}
