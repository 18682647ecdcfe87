package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// The second source of names is what the device asks a server by when it begins
// TLS. It names addresses that no answer named, and tells names apart that share
// an address but not a port.

// listen takes the packets that begin a connection of TCP.
func (g *Gateway) listen(p watch.Packet) error {
	stream := names.Stream{From: p.Source, To: p.Destination}
	if p.SYN {
		g.hellos.Begin(stream, p.Sequence)
		return nil
	}
	name := g.hellos.Add(stream, p.Sequence, p.Payload)
	if name == "" {
		return nil
	}
	return g.greet(watch.Place{Protocol: p.Protocol, AddrPort: p.Destination}, name)
}

// greet is told by which name a server was asked.
func (g *Gateway) greet(place watch.Place, name string) error {
	address := place.Addr().Unmap()
	if g.mine(address) || g.onLAN(address) {
		return nil
	}
	unnamed := g.names.Hear(name, address)
	g.mutex.Lock()
	known := g.names.Names(address)
	at := service{place, name}
	if (unnamed || slices.Contains(known, name)) && !slices.Contains(g.served[address], at) {
		g.served[address] = append(g.served[address], at)
	}
	doubtful := g.barred.bars(place, name) && !(slices.Contains(known, name) && g.barred.byName[name] != nil)
	g.mutex.Unlock()
	if doubtful {
		g.doubt(fmt.Sprintf("it reached %s at %s, where no answer had said that it is", name, place.AddrPort))
	}
	if !unnamed {
		return nil
	}
	return g.Learn(name, []netip.Addr{address})
}

// service is a name by which a place was asked.
type service struct {
	place watch.Place
	name  string
}

// bars tells whether a name is blocked at a place's protocol and port.
func (b barred) bars(place watch.Place, name string) bool {
	for _, d := range slices.Concat(b.byAddress, b.byName[name]) {
		if d.Name == name && d.Protocol == place.Protocol && d.Port == place.Port() {
			return true
		}
	}
	return false
}

// candidates are those of the names of an address that a place may be: those by
// which it was asked, or else those that are not known to be elsewhere. The
// caller holds the mutex.
func (g *Gateway) candidates(place watch.Place, known []string) []string {
	var here []string
	for _, s := range g.served[place.Addr().Unmap()] {
		if s.place == place && slices.Contains(known, s.name) {
			here = append(here, s.name)
		}
	}
	if len(here) > 0 {
		return union(here, nil)
	}
	if others := g.notElsewhere(place, known); len(others) > 0 {
		return others
	}
	return known
}

// notElsewhere leaves out the names that were asked for at other ports of the
// address alone. The caller holds the mutex.
func (g *Gateway) notElsewhere(place watch.Place, known []string) []string {
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		here, there := false, false
		for _, s := range g.served[place.Addr().Unmap()] {
			here = here || s.name == name && s.place == place
			there = there || s.name == name && s.place != place
		}
		return there && !here
	})
}
