package attribution

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Some devices use ever-changing ports of a host. As destinations of their own most
// of them would never be contacted again, and so never be tested. From
// [watch.ManyPorts] ports on, every port of the host is one destination: udp/*/HOST
// or tcp/*/HOST. That includes what may be a service of its own, such as port 443.
// It holds for as long as the table does.
//
// Ports are counted for each address, and for each name over all of its addresses.

// The limits of what is recorded about ports. Beyond them nothing is joined any more.
const (
	mostCounted = 8192 // hosts whose ports are counted
	mostJoined  = 2048 // hosts of which every port is one destination
)

// host is a name or an address, with a protocol.
type host struct{ protocol, name string }

// ports finds the hosts that are contacted on many ports. It is under the lock of its
// [Table].
type ports struct {
	seen   map[host][]uint16
	joined map[host]bool
}

func newPorts() ports { return ports{map[host][]uint16{}, map[host]bool{}} }

// add counts a port, 0 for every one, and reports whether this joined the host's ports.
func (p *ports) add(h host, port uint16) bool {
	if p.joined[h] || slices.Contains(p.seen[h], port) {
		return false
	}
	if port == 0 || len(p.seen[h])+1 >= watch.ManyPorts {
		return p.join(h)
	}
	if p.seen[h] == nil && len(p.seen) >= mostCounted {
		clear(p.seen)
	}
	p.seen[h] = append(p.seen[h], port)
	return false
}

// join makes one destination of a host's ports, and reports whether it was not one
// before.
func (p *ports) join(h host) bool {
	if p.joined[h] || len(p.joined) >= mostJoined {
		return false
	}
	p.joined[h] = true
	delete(p.seen, h)
	return true
}

// everyPort reports whether a place's port is part of a destination of every port,
// under one of its names.
func (t *Table) everyPort(place watch.Place, name string) bool {
	return t.ports.joined[host{place.Protocol, name}] || t.ports.joined[host{place.Protocol, plain(place.Addr()).String()}]
}

// countPorts counts the ports of a window's places.
func (t *Table) countPorts(window watch.Window) {
	for place := range window.Places {
		if address := plain(place.Addr()); place.Protocol != harness.ICMP && t.foreign(address) {
			t.countPort(place, address)
		}
	}
}

func (t *Table) countPort(place watch.Place, address netip.Addr) {
	whole := host{place.Protocol, address.String()}
	shown := t.namesOf(place)
	if t.always(harness.Destination{Protocol: place.Protocol, Port: place.Port(), Name: shown[0]}, address) {
		return
	}
	before := t.ports.seen[whole]
	if t.ports.add(whole, place.Port()) {
		t.showWhole(place.Whole(), append(before, place.Port()))
	}
	for _, name := range shown {
		if t.ports.joined[whole] {
			t.ports.join(host{place.Protocol, name})
			continue
		}
		t.ports.add(host{place.Protocol, name}, place.Port())
	}
}

// showWhole makes the name that represents the first of some ports, if one does,
// represent every port of a place's address.
func (t *Table) showWhole(place watch.Place, ports []uint16) {
	for _, port := range ports {
		if name := t.shown[watch.Place{Protocol: place.Protocol, AddrPort: netip.AddrPortFrom(place.Addr(), port)}]; name != "" {
			t.show(place, name)
		}
	}
}
