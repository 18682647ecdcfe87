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

// attribute tells which destination an address and port is: the blocked one
// that it was blocked for, or the name that the device asked for first, or the
// bare address. Counts is false for what is no destination: the gateway, the
// LAN, many at once, and what is kept.
func (g *Gateway) attribute(protocol string, remote netip.AddrPort) (d harness.Destination, counts bool) {
	d = harness.Destination{Protocol: protocol, Port: remote.Port(), Name: g.nameFor(protocol, remote)}
	if d.Name == resolverName {
		d.Port = names.Port
	}
	return d, d.Name != "" && !g.kept(d)
}

func (g *Gateway) nameFor(protocol string, remote netip.AddrPort) string {
	address := remote.Addr().Unmap()
	if g.mine(address) && remote.Port() == g.config.resolverPort() {
		return resolverName
	}
	if g.mine(address) || g.onLAN(address) || !address.IsGlobalUnicast() {
		return ""
	}
	g.mutex.Lock()
	owner, blocked := g.owners[block.Entry{Address: address, Protocol: protocol, Port: remote.Port()}]
	g.mutex.Unlock()
	if blocked {
		return owner.Name
	}
	if known := g.names.Names(address); len(known) > 0 {
		return known[0]
	}
	return address.String()
}

func (g *Gateway) mine(address netip.Addr) bool { return slices.Contains(g.addresses.own, address) }

func (g *Gateway) onLAN(address netip.Addr) bool {
	return slices.ContainsFunc(g.config.LAN, func(p netip.Prefix) bool { return p.Contains(address) })
}
