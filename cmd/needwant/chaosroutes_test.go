package main_test

import (
	"context"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (t *territory) routes(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	all, err := handle.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	for _, route := range all {
		name := fmt.Sprintf("to %s via %s, link %d, table %d, type %d, metric %d, of %s", route.Dst, route.Gw, route.LinkIndex, route.Table, route.Type, route.Priority, t.name)
		found = append(found, possession{"route", name, []breakage{
			{how: "removed", do: func(context.Context) error { return handle.RouteDel(&route) },
				undo: func(context.Context) error { return handle.RouteReplace(&route) }},
		}})
	}
	return found, nil
}

func (t *territory) routingRules(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		all, err := handle.RuleList(family)
		if err != nil {
			return nil, err
		}
		for _, rule := range all {
			rule.Family = family
			found = append(found, possession{"routing rule", fmt.Sprintf("family %d, %s, of %s", family, rule, t.name), []breakage{
				{how: "removed", do: func(context.Context) error { return handle.RuleDel(&rule) },
					undo: func(context.Context) error { return handle.RuleAdd(&rule) }},
			}})
		}
	}
	return found, nil
}

func (t *territory) neighbours(context.Context, int) (found []possession, err error) {
	handle := t.Netlink()
	all, err := handle.NeighList(0, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	for _, entry := range all {
		if len(entry.HardwareAddr) != 6 || entry.IP.IsUnspecified() || entry.IP.IsMulticast() {
			continue
		}
		remove := func(context.Context) error { return handle.NeighDel(&entry) }
		found = append(found, possession{"neighbour", fmt.Sprintf("%s on link %d of %s", entry.IP, entry.LinkIndex, t.name), []breakage{
			{how: "removed", do: remove},
			{how: "given another MAC address", foreign: true, undo: remove, do: func(context.Context) error {
				other := entry
				other.HardwareAddr, other.State = net.HardwareAddr{2, 0, 0, 0, 0, 0x99}, netlink.NUD_PERMANENT
				return handle.NeighSet(&other)
			}},
		}})
	}
	return found, nil
}
