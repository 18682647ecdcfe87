package seen

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/netns/gateway/names"
)

// chosen are the devices that the user named.
type chosen struct {
	addresses map[netip.Addr]bool
	macs      []string
	names     []string
}

func choose(devices []string) (chosen, error) {
	c := chosen{addresses: map[netip.Addr]bool{}}
	for _, text := range devices {
		if address, err := netip.ParseAddr(text); err == nil {
			c.addresses[address.Unmap()] = true
			continue
		}
		if mac, err := net.ParseMAC(text); err == nil {
			c.macs = append(c.macs, mac.String())
			continue
		}
		name := names.Canonical(text)
		if !names.IsHost(name) {
			return c, fmt.Errorf("--device %s: write an address, a MAC address such as 7c:49:eb:00:00:01, or a name", text)
		}
		c.names = append(c.names, name)
	}
	return c, nil
}

// any reports whether the user named no device.
func (c chosen) any() bool { return len(c.addresses)+len(c.macs)+len(c.names) == 0 }

// only is the address that the user gave, if it is the only one; usual otherwise.
func (c chosen) only(usual netip.Addr) netip.Addr {
	if len(c.addresses) != 1 {
		return usual
	}
	for address := range c.addresses {
		usual = address
	}
	return usual
}

// learn records an address of a device that was named by its MAC address.
func (c chosen) learn(address netip.Addr, mac string) {
	if mac != "" && len(c.addresses) < mostOwn && slices.Contains(c.macs, mac) && address.IsValid() && !address.IsUnspecified() {
		c.addresses[address] = true
	}
}

// own reports whether an address may be that of the device. Without one that the user
// gave, the device is in a home network.
func (c chosen) own(address netip.Addr) bool {
	if c.addresses[address] {
		return true
	}
	onlyAddresses := len(c.addresses) > 0 && len(c.macs)+len(c.names) == 0
	return !onlyAddresses && (address.IsPrivate() || address.IsLinkLocalUnicast())
}

// matches reports whether a device is one that the user named.
func (c chosen) matches(d *device) bool {
	short, _, _ := strings.Cut(d.name, ".")
	return c.addresses[d.address] || slices.Contains(c.macs, d.mac) || d.name != "" && (slices.Contains(c.names, d.name) || slices.Contains(c.names, short))
}

func (c chosen) String() string {
	all := slices.Concat(c.macs, c.names)
	for address := range c.addresses {
		all = append(all, address.String())
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}

// carrier is what providers number their customers' routers with (RFC 6598).
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// thisNetwork is not a host (RFC 1122 section 3.2.1.3); blocklists answer with it.
var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

// foreign reports whether an address can be that of a host on the internet.
func foreign(address netip.Addr) bool {
	address = address.Unmap()
	return address.IsGlobalUnicast() && address.Zone() == "" && !address.IsPrivate() && !carrier.Contains(address) && !thisNetwork.Contains(address) &&
		address != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// home are the names that exist only in a home network, or name no host (RFC 6761, RFC
// 6762, RFC 8375).
var home = []string{".arpa", ".local", ".localhost", ".localdomain", ".lan", ".home", ".internal", ".invalid"}

// public reports whether a name can be that of a host on the internet.
func public(name string) bool {
	return names.IsHost(name) && strings.Contains(name, ".") &&
		!slices.ContainsFunc(home, func(end string) bool { return strings.HasSuffix(name, end) })
}

// canonicalMAC is a MAC address as [net.HardwareAddr] writes it; "" if it is not one.
func canonicalMAC(text string) string {
	mac, err := net.ParseMAC(text)
	if err != nil {
		return ""
	}
	return mac.String()
}
