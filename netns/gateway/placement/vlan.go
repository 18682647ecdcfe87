package placement

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/guard"
)

// VLAN places the gateway between the device, which is in a VLAN of a link that may
// have others, and the home network, on the same link or another.
const VLAN Kind = "vlan"

func vlan() way {
	return way{
		kind: VLAN, moves: true, work: inNamespace, readdress: renew,
		validate: func(c Config) error {
			var problems []error
			if c.Inside == "" || c.Uplink == "" {
				problems = append(problems, fmt.Errorf("a placement needs two links, not %q and %q", c.Inside, c.Uplink))
			}
			if c.VLAN < 1 || c.VLAN > 4094 {
				problems = append(problems, fmt.Errorf("placement vlan has VLAN %d: it takes one from 1 to 4094", c.VLAN))
			}
			return errors.Join(problems...)
		},
		locks: func(c Config) guard.Names {
			return guard.Names{Alone: []string{fmt.Sprintf("VLAN %d of %s", c.VLAN, c.Inside)}, Shared: []string{"interface " + c.Inside}}
		},
		check: func(p *Plan) error {
			if err := p.checkTrunk(); err != nil {
				return err
			}
			return p.checkHome(nil)
		},
		steps: func(p *Plan) []step {
			c := p.config
			return append([]step{
				{what: fmt.Sprintf("create a private network namespace, and a journal in %s", c.Folder), do: p.begin},
				{what: "start the cleanup process, which removes our interfaces if needwant dies", do: p.watch},
				{what: fmt.Sprintf("add an interface for VLAN %d of %s in the namespace, for the device", c.VLAN, c.Inside), machine: true, makes: []string{insideName}, do: p.addVLAN},
				p.furnishing(p.furnishInside),
			}, p.home()...)
		},
	}
}

// addVLAN gives the device a link to the gateway that has the frames of one VLAN.
// The machine goes on with all others.
func (p *Plan) addVLAN(_ context.Context, placed *Placed) error {
	placed.Inside = insideName
	handle := p.config.Machine.Netlink()
	trunk, err := handle.LinkByName(p.config.Inside)
	if err != nil {
		return err
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.ParentIndex = insideName, trunk.Attrs().Index
	attributes.Namespace = netlink.NsFd(placed.Namespace.FD())
	err = handle.LinkAdd(&netlink.Vlan{LinkAttrs: attributes, VlanId: p.config.VLAN, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("this kernel has no VLANs: load the module ('modprobe 8021q'), or take another placement: %w", err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("VLAN %d of %s is in use in another network namespace: take another number, or remove that link: %w", p.config.VLAN, p.config.Inside, err)
	case err != nil:
		return fmt.Errorf("adding VLAN %d on %s: %w", p.config.VLAN, p.config.Inside, err)
	}
	return nil
}

// checkTrunk refuses a link that carries no frames, or has the VLAN for somebody
// else.
func (p *Plan) checkTrunk() error {
	trunk, err := p.existing("inside", p.config.Inside)
	if err != nil {
		return err
	}
	links, err := p.config.Machine.Netlink().LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		vlan, ok := link.(*netlink.Vlan)
		if ok && vlan.ParentIndex == trunk.Attrs().Index && vlan.VlanId == p.config.VLAN {
			return fmt.Errorf("inside: VLAN %d of %s is this machine's own link %s: remove it ('ip link del %s'), or take another number",
				p.config.VLAN, p.config.Inside, vlan.Name, vlan.Name)
		}
	}
	return p.checkUp("inside", trunk)
}
