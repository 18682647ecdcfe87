package gateway

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addresses are the gateway's own.
type addresses struct {
	inside      []netip.Addr   // without link-local ones
	networks    []netip.Prefix // the device's, without link-local ones
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
			length, _ := entry.Mask.Size()
			a.networks = append(a.networks, netip.PrefixFrom(address, length).Masked())
		}
	}
}
