package attribution

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/netns/gateway/watch"
)

// The second source of names is the SNI of the device's TLS handshakes. It names
// addresses that no DNS answer named, and separates names that share an address
// but not a port.

// service is a name that was the SNI at a place.
type service struct {
	place watch.Place
	name  string
}

// SNI records the server name of a TLS handshake at a place. It names the address
// if no DNS answer did. The doubt, "" if there is none, says that the device
// reached a blocked name at an address that was not known to be that name's.
func (t *Table) SNI(place watch.Place, name string) (change Change, doubt string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	address := place.Addr().Unmap()
	if !t.foreign(address) {
		return Change{}, ""
	}
	unnamed := t.names.Hear(name, address)
	known := t.names.Names(address)
	at := service{place, name}
	if (unnamed || slices.Contains(known, name)) && !slices.Contains(t.served[address], at) {
		t.served[address] = append(t.served[address], at)
	}
	if t.blocked.bars(place, name) && !(slices.Contains(known, name) && t.blocked.byName[name] != nil) {
		doubt = fmt.Sprintf("it reached %s at %s, where no answer had said that it is", name, place.AddrPort)
	}
	if unnamed {
		change = t.learn(name, []netip.Addr{address})
	}
	return change, doubt
}

// candidates are the names of an address that a place may have: those that were
// the SNI there, or else those that are not known to be at other ports only.
func (t *Table) candidates(place watch.Place, known []string) []string {
	var here []string
	for _, s := range t.served[place.Addr().Unmap()] {
		if s.place == place && slices.Contains(known, s.name) {
			here = append(here, s.name)
		}
	}
	if len(here) > 0 {
		return union(here, nil)
	}
	if others := t.notElsewhere(place, known); len(others) > 0 {
		return others
	}
	return known
}

// notElsewhere leaves out the names that were seen at other ports of the address
// only: as the SNI, or in an earlier run.
func (t *Table) notElsewhere(place watch.Place, known []string) []string {
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		here, there := false, false
		for _, s := range slices.Concat(t.served[place.Addr().Unmap()], t.earlier[place.Addr().Unmap()]) {
			here = here || s.name == name && s.place == place
			there = there || s.name == name && s.place != place
		}
		return there && !here
	})
}
