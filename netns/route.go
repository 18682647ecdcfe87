package netns

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AddRoute sends packets for destination to the router via. A link-local router
// names its link as zone. An equal route is replaced.
func (n *Namespace) AddRoute(destination netip.Prefix, via netip.Addr) error {
	route := &netlink.Route{Dst: hostNetwork(destination.Masked()), Gw: via.AsSlice()}
	if via.Zone() != "" {
		link, err := n.link(via.Zone())
		if err != nil {
			return err
		}
		route.LinkIndex = link.Attrs().Index
	}
	return n.replace(route, "via "+via.String())
}

// AddLinkRoute sends packets for destination straight out of a link, where
// their receivers are neighbours.
func (n *Namespace) AddLinkRoute(destination netip.Prefix, name string) error {
	link, err := n.link(name)
	if err != nil {
		return err
	}
	return n.replace(&netlink.Route{
		Dst:       hostNetwork(destination.Masked()),
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
	}, "out of "+name)
}

// AddAnyIP makes every address of the prefix the namespace's own, by one route.
// A listener may bind to any of them.
func (n *Namespace) AddAnyIP(prefix netip.Prefix) error {
	if prefix.Addr().Is6() {
		// IPv6 looks for the address itself, not for the route, when a socket binds.
		if err := n.Sysctl("net.ipv6.ip_nonlocal_bind", "1"); err != nil {
			return err
		}
	}
	lo, err := n.link("lo")
	if err != nil {
		return err
	}
	return n.replace(&netlink.Route{
		Dst:       hostNetwork(prefix.Masked()),
		LinkIndex: lo.Attrs().Index,
		Type:      unix.RTN_LOCAL,
		Table:     unix.RT_TABLE_LOCAL,
		Scope:     netlink.SCOPE_HOST,
	}, "as own addresses")
}

func (n *Namespace) replace(route *netlink.Route, how string) error {
	if err := n.handle.RouteReplace(route); err != nil {
		return fmt.Errorf("routing %s %s: %w", route.Dst, how, err)
	}
	return nil
}
