package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// resolverName is the name of the gateway's own resolver as a destination.
const resolverName = "resolver"

// addresses are the gateway's own.
type addresses struct {
	inside      []netip.Addr // without link-local ones
	own         []netip.Addr
	insideIndex int
}

func addressesOf(config Config) (a addresses, err error) {
	handle := config.Namespace.Netlink()
	for _, name := range []string{config.Inside, config.Uplink} {
		link, err := handle.LinkByName(name)
		if err != nil {
			return addresses{}, fmt.Errorf("link %s: %w", name, err)
		}
		found, err := handle.AddrList(link, unix.AF_UNSPEC)
		if err != nil {
			return addresses{}, fmt.Errorf("listing the addresses of %s: %w", name, err)
		}
		a.add(link, found, name == config.Inside)
	}
	return a, nil
}

func (a *addresses) add(link netlink.Link, found []netlink.Addr, inside bool) {
	if inside {
		a.insideIndex = link.Attrs().Index
	}
	for _, entry := range found {
		address, ok := netip.AddrFromSlice(entry.IP)
		if !ok {
			continue
		}
		address = address.Unmap()
		a.own = append(a.own, address)
		if inside && !address.IsLinkLocalUnicast() {
			a.inside = append(a.inside, address)
		}
	}
}

// kept tells whether a destination is never blocked.
func (g *Gateway) kept(d harness.Destination) bool {
	return d.Name == resolverName && slices.Contains(g.config.Keep, "dns")
}

// addressesFor are all known addresses of a destination.
func (g *Gateway) addressesFor(d harness.Destination) []netip.Addr {
	if d.Name == resolverName {
		return g.addresses.inside
	}
	if address, bare := d.Address(); bare {
		return []netip.Addr{address}
	}
	return g.names.Addresses(d.Name)
}

// attribute tells which destinations a place is: those that it is blocked for,
// or the names that the device asked for, or the bare address. None is for what
// is no destination: the gateway, the LAN, many at once, and what is kept.
func (g *Gateway) attribute(place watch.Place) (destinations []harness.Destination) {
	for _, name := range g.namesFor(place) {
		d := harness.Destination{Protocol: place.Protocol, Port: place.Port(), Name: name}
		if name == resolverName {
			d.Port = names.Port
		}
		if !g.kept(d) {
			destinations = append(destinations, d)
		}
	}
	return destinations
}

func (g *Gateway) namesFor(place watch.Place) []string {
	address := place.Addr().Unmap()
	if g.mine(address) && place.Port() == g.config.resolverPort() {
		return []string{resolverName}
	}
	if g.mine(address) || g.onLAN(address) || !address.IsGlobalUnicast() {
		return nil
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	known := g.candidates(place, g.names.Names(address))
	if len(known) == 0 {
		known = []string{address.String()}
	}
	owners := g.barred.ownersOf(place)
	switch {
	case g.config.Apart:
		return union(owners, g.barred.answered(known))
	case len(owners) > 0:
		return owners
	}
	return []string{g.standIn(place, known)}
}

// standIn is the one of several names that stands for all in a row: the first
// in the alphabet, so that lanes agree, and once a window is over always the same.
func (g *Gateway) standIn(place watch.Place, known []string) string {
	if slices.Contains(known, g.shown[place]) {
		return g.shown[place]
	}
	return slices.Min(known)
}

// settleNames makes the names by which places were shown theirs for good.
func (g *Gateway) settleNames() {
	places := g.ledger.Places()
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, place := range places {
		if known := g.candidates(place, g.names.Names(place.Addr())); len(known) > 0 {
			g.shown[place] = g.standIn(place, known)
		}
	}
}

// ownersOf are the names that a place is blocked for.
func (b barred) ownersOf(place watch.Place) (owners []string) {
	for _, d := range b.owners[block.Entry{Address: place.Addr().Unmap(), Protocol: place.Protocol, Port: place.Port()}] {
		owners = append(owners, d.Name)
	}
	return owners
}

// answered leaves out the names that are withheld, where another explains why
// the device still knows the address.
func (b barred) answered(known []string) []string {
	open := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return len(b.byName[name]) > 0 })
	if len(open) == 0 {
		return known
	}
	return open
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (g *Gateway) mine(address netip.Addr) bool { return slices.Contains(g.addresses.own, address) }

func (g *Gateway) onLAN(address netip.Addr) bool {
	return slices.ContainsFunc(g.config.LAN, func(p netip.Prefix) bool { return p.Contains(address) })
}
