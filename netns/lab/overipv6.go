package lab

import (
	"maps"
	"net/netip"
	"slices"
)

// OverIPv6 moves every IPv4 address of a world into 2001:db8:4::/96 and leaves
// the rest as it is, so that what holds for the one must hold for the other.
func OverIPv6(w World) (World, error) {
	w.Destinations = maps.Clone(w.Destinations)
	for id, destination := range w.Destinations {
		destination.Addresses = slices.Clone(destination.Addresses)
		for i, address := range destination.Addresses {
			destination.Addresses[i] = overIPv6(address)
		}
		w.Destinations[id] = destination
	}
	w.Device.Resolver = overIPv6(w.Device.Resolver)
	return Make(w)
}

func overIPv6(address netip.Addr) netip.Addr {
	if !address.Is4() {
		return address
	}
	wide := netip.MustParseAddr("2001:db8:4::").As16()
	short := address.As4()
	copy(wide[12:], short[:])
	return netip.AddrFrom16(wide)
}
