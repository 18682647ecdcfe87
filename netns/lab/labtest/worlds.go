package labtest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/needwant/needwant/netns/lab"
)

// Core are the worlds of the library that the experiment must be right about in
// every way it can be made: with each driver and fault, over both families, on
// several lanes. Each of the others shows one thing that somebody met on a real
// device, and is tried in the way that shows it.
func Core() []lab.World {
	names := []string{"s50-thread", "all-optional", "one-of-each", "fallbacks", "boot-only", "not-monotone"}
	return slices.DeleteFunc(lab.Library(), func(w lab.World) bool { return !slices.Contains(names, w.Name) })
}

// Peculiar are the others.
func Peculiar() []lab.World {
	core := Core()
	return slices.DeleteFunc(lab.Library(), func(w lab.World) bool {
		return slices.ContainsFunc(core, func(other lab.World) bool { return other.Name == w.Name })
	})
}

// Make completes and checks a world that was put together in Go, by writing it
// down and parsing that.
func Make(w lab.World) (lab.World, error) {
	text, err := yaml.Marshal(w)
	if err != nil {
		return lab.World{}, &lab.Error{File: w.Name, Message: fmt.Sprintf("the world cannot be written down: %v", err)}
	}
	return lab.Parse(w.Name, text)
}

// OverIPv6 moves every IPv4 address of a world into 2001:db8:4::/96 and leaves
// the rest as it is, so that what holds for the one must hold for the other.
func OverIPv6(w lab.World) (lab.World, error) {
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
