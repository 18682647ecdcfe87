package placement

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/guard"
	"github.com/needwant/needwant/netns/gateway/radio"
)

// Check looks whether the plan can be carried out. It changes nothing. The error
// says what to do.
func (p *Plan) Check() error { return p.way.check(p) }

// checkHome looks at the home network, for a gateway with a link of its own there.
// The link that is to be moved is nil if there is none.
func (p *Plan) checkHome(moved netlink.Link) error {
	uplink, err := p.existing("uplink", p.config.Uplink)
	if err != nil {
		return err
	}
	return cmp.Or(p.checkUplink(uplink), p.checkSubnet(uplink), p.checkCrossing(moved))
}

func (p *Plan) existing(role, name string) (netlink.Link, error) {
	found, err := p.linkNamed(role, name)
	if err != nil {
		return nil, err
	}
	return found, p.checkWired(role, found)
}

func (p *Plan) linkNamed(role, name string) (netlink.Link, error) {
	handle := p.config.Machine.Netlink()
	found, err := handle.LinkByName(name)
	if !netns.Absent(err) {
		return found, err
	}
	links, err := handle.LinkList()
	if err != nil {
		return nil, err
	}
	if borrower := p.borrower(name); borrower != nil {
		if !borrower.Alive() {
			return nil, fmt.Errorf("%s: a needwant that died (process %d) had %s: 'sudo needwant restore' puts it back", role, borrower.PID, name)
		}
		return nil, fmt.Errorf("%s: another needwant (process %d) has %s now: stop it, or wait until it is done", role, borrower.PID, name)
	}
	var names []string
	for _, link := range links {
		if link.Attrs().Flags&net.FlagLoopback == 0 {
			names = append(names, link.Attrs().Name)
		}
	}
	there := "none"
	if len(names) > 0 {
		there = strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("%s: this machine has no interface %s, but %s: correct gateway: {%s: …} in the spec, or plug it in", role, name, there, role)
}

// borrower is the journal of the needwant that took an interface; nil if none did.
func (p *Plan) borrower(name string) *guard.Journal {
	journals, _ := guard.Journals(p.config.Folder) // what cannot be read says nothing of it
	for _, journal := range journals {
		if journal.Link.Name == name {
			return journal
		}
	}
	return nil
}

// checkWired refuses Wi-Fi, on which a machine has but one hardware address, and
// whose links the kernel moves with their radio alone.
func (p *Plan) checkWired(role string, link netlink.Link) error {
	_, err := radio.Of(p.config.Machine, link.Attrs().Index)
	switch {
	case errors.Is(err, radio.ErrNone):
		return nil
	case err != nil:
		return fmt.Errorf("%s: looking whether %s is a Wi-Fi interface: %w", role, link.Attrs().Name, err)
	}
	return fmt.Errorf("%s: %s is a Wi-Fi link, which cannot be used here: name a wired one; a Wi-Fi link for the device is placement ap", role, link.Attrs().Name)
}

// checkFree refuses a link that something else is built on.
func (p *Plan) checkFree(inside netlink.Link) error {
	attributes := inside.Attrs()
	handle := p.config.Machine.Netlink()
	if attributes.Flags&net.FlagLoopback != 0 {
		return fmt.Errorf("inside: %s is the loopback link: name the one that leads to the device", attributes.Name)
	}
	if attributes.MasterIndex != 0 {
		master := "a bridge"
		if found, err := handle.LinkByIndex(attributes.MasterIndex); err == nil {
			master = found.Attrs().Name
		}
		return fmt.Errorf("inside: %s is a port of %s: take it out ('ip link set %s nomaster'), or name another", attributes.Name, master, attributes.Name)
	}
	links, err := handle.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		peer := link.Type() == "veth" // whose parent is its other end
		if !peer && link.Attrs().ParentIndex == attributes.Index {
			return fmt.Errorf("inside: %s stands on %s: remove it, or name another link", link.Attrs().Name, attributes.Name)
		}
	}
	return nil
}

// checkLifeline refuses to take the link that the machine itself lives by. With spare
// the uplink may be another way, as for a client of the Wi-Fi by the radio that is to
// be moved.
func (p *Plan) checkLifeline(inside netlink.Link, spare bool) error {
	index := inside.Attrs().Index
	uplink, err := p.linkNamed("uplink", p.config.Uplink)
	if err != nil {
		return err
	}
	routes, err := p.routes()
	if err != nil {
		return err
	}
	for _, route := range routes {
		switch {
		case slices.ContainsFunc(route.MultiPath, func(hop *netlink.NexthopInfo) bool { return hop.LinkIndex == index }):
			return fmt.Errorf("inside: a route with several ways uses %s: remove it, or name another link", inside.Attrs().Name)
		case route.LinkIndex == index && everywhere(route) && !(spare && another(routes, route, uplink)):
			return fmt.Errorf("inside: the machine's own way to the internet is %s, and would be cut: are inside and uplink the wrong way round?", inside.Attrs().Name)
		}
	}
	return nil
}

// everywhere reports whether a route leads to the internet.
func everywhere(route netlink.Route) bool {
	return (route.Dst == nil || route.Dst.IP.IsUnspecified()) && route.Type == unix.RTN_UNICAST
}

// another reports whether the uplink has a route like one to the internet.
func another(routes []netlink.Route, like netlink.Route, uplink netlink.Link) bool {
	return slices.ContainsFunc(routes, func(route netlink.Route) bool {
		return route.LinkIndex == uplink.Attrs().Index && everywhere(route) && route.Family == like.Family && route.Table == like.Table
	})
}

// checkCrossing refuses a network that the machine already has a way to: that
// route would be replaced.
func (p *Plan) checkCrossing(moved netlink.Link) error {
	routes, err := p.routes()
	if err != nil {
		return err
	}
	for _, route := range routes {
		if (moved == nil || route.LinkIndex != moved.Attrs().Index) && p.leadsThere(route) {
			return fmt.Errorf("the machine has a route to %s already, the device's network behind the gateway: remove it ('ip route del %s'), or write another address in the spec, as device: {address: %s}",
				p.config.network(), p.config.network(), elsewhere(p.config.network()))
		}
	}
	return nil
}

// routes lists those of all tables.
func (p *Plan) routes() ([]netlink.Route, error) {
	routes, err := p.config.Machine.Netlink().RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	return routes, nil
}

// leadsThere reports whether a route is one to the device's network itself.
func (p *Plan) leadsThere(route netlink.Route) bool {
	return route.Dst != nil && route.Table == unix.RT_TABLE_MAIN && route.Dst.String() == p.config.network().String()
}

func (p *Plan) checkUplink(uplink netlink.Link) error {
	attributes := uplink.Attrs()
	if attributes.RawFlags&unix.IFF_UP == 0 {
		return fmt.Errorf("uplink: %s is down: set it up ('ip link set %s up'), or name another", attributes.Name, attributes.Name)
	}
	if attributes.RawFlags&unix.IFF_LOWER_UP == 0 {
		return fmt.Errorf("uplink: %s has no connection: plug in its cable, or name another", attributes.Name)
	}
	if attributes.EncapType != "ether" {
		return fmt.Errorf("uplink: %s is not an Ethernet link, and a gateway cannot have an address of its own on it: name another", attributes.Name)
	}
	return nil
}

// checkSubnet refuses a device that would have its address in the home network.
func (p *Plan) checkSubnet(uplink netlink.Link) error {
	addresses, err := p.config.Machine.Netlink().AddrList(uplink, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("listing the addresses of %s: %w", uplink.Attrs().Name, err)
	}
	for _, home := range addresses {
		if p.overlaps(home.IPNet) {
			return p.wrongSubnet(home.IPNet.String())
		}
	}
	return nil
}

func (p *Plan) overlaps(home *net.IPNet) bool {
	network := p.config.network()
	return home.Contains(network.Addr().AsSlice()) || network.Contains(addressOf(home.IP))
}

func (p *Plan) wrongSubnet(home string) error {
	return fmt.Errorf("the device's network %s and the home network %s overlap: behind the gateway the device needs a network of its own; "+
		"write another address in the spec, e.g. device: {address: %s}, and set the device to get its address automatically (DHCP)", p.config.network(), home, elsewhere(p.config.network()))
}
