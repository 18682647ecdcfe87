package attribution

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Blocked is what is blocked, by address or by name.
type Blocked struct {
	byAddress []harness.Destination
	owners    map[block.Entry][]harness.Destination // the destinations that an entry is blocked for
	byName    map[string][]harness.Destination      // the destinations whose name is not answered
	always    []block.Entry                         // what is blocked at all times
}

// Plan returns what blocking these destinations comes to, with all addresses that
// are known now. With nxdomain a name is not answered, if the device queries it
// over DNS; everything else is blocked by its addresses. Nothing changes before
// [Table.Use].
func (t *Table) Plan(destinations []harness.Destination, fault harness.Fault) Blocked {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	next := Blocked{
		owners: map[block.Entry][]harness.Destination{}, byName: map[string][]harness.Destination{}, always: t.alwaysEntries(),
	}
	for _, d := range destinations {
		t.widen(d, nil)
	}
	for _, d := range destinations {
		if t.blocksByName(d, fault) {
			next.byName[d.Name] = append(next.byName[d.Name], d)
			continue
		}
		next.byAddress = append(next.byAddress, d)
		for _, entry := range t.entries(d, t.addresses(d)) {
			next.owners[entry] = append(next.owners[entry], d)
		}
	}
	return next
}

// Entries are what the kernel must block.
func (b Blocked) Entries() (entries []block.Entry) {
	for entry := range b.owners {
		entries = append(entries, entry)
	}
	for _, entry := range b.always {
		if len(b.owners[entry]) == 0 && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Blocks reports whether an entry is blocked by its address.
func (b Blocked) Blocks(entry block.Entry) bool { return len(b.owners[entry]) > 0 }

// Use makes a plan the block that counts, without a confinement. It returns the
// entries of everything that was blocked before, and of everything that is blocked
// now. Their connections are to be cut.
func (t *Table) Use(next Blocked) (before, now []block.Entry) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	before, now = t.everything(t.blocked), t.everything(next)
	for entry, destinations := range next.owners {
		delete(t.shown, placeOf(entry))
		t.show(placeOf(entry), destinations[len(destinations)-1].Name)
	}
	t.blocked, t.open = next, nil
	return before, now
}

// Confine makes these destinations the only ones that are open, and returns the
// entries of all of their known addresses. [Table.Use] ends it.
func (t *Table) Confine(open []harness.Destination) (entries []block.Entry) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.open = slices.Clone(open)
	for _, d := range open {
		entries = append(entries, t.entries(d, t.addresses(d))...)
	}
	return entries
}

// BlockedAt reports whether anything at an address is blocked, by the address or by
// one of its names.
func (t *Table) BlockedAt(address netip.Addr) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for entry := range t.blocked.owners {
		if entry.Address == address {
			return true
		}
	}
	return slices.ContainsFunc(t.names.Names(address), func(name string) bool { return len(t.blocked.byName[name]) > 0 })
}

// BlockedByName returns the blocked destinations whose name a query is for or means; none
// if it is to be answered. A name whose answer only goes through a blocked one (CNAME)
// is answered, so that each name is tested by itself.
func (t *Table) BlockedByName(query string) (destinations []harness.Destination) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	query = t.domains.Row(names.Canonical(query))
	for _, name := range union(t.names.Meant(query), []string{query}) {
		destinations = append(destinations, t.blocked.byName[name]...)
	}
	slices.SortFunc(destinations, harness.Destination.Compare)
	return slices.Compact(destinations)
}

// concerns reports whether a name is blocked, by address or by name.
func (b Blocked) concerns(name string) bool {
	return len(b.byName[name]) > 0 || slices.ContainsFunc(b.byAddress, func(d harness.Destination) bool { return d.Name == name })
}

// BlocksByName reports whether a fault blocks a destination by the answers for its name.
func (t *Table) BlocksByName(d harness.Destination, fault harness.Fault) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.blocksByName(d, fault)
}

func (t *Table) blocksByName(d harness.Destination, fault harness.Fault) bool {
	return fault == harness.NXDomain && d.Host() != "" && !IsResolver(d) && !t.names.OnlyHeard(d.Name)
}

// everything lists the addresses and ports of all that is blocked, by address or
// by name. An address that an open name has, too, is not among those of a name
// that is not answered: its connections may be the other name's.
func (t *Table) everything(b Blocked) []block.Entry {
	entries := b.Entries()
	open := func(name string) bool { return len(b.byName[name]) == 0 }
	for _, destinations := range b.byName {
		for _, d := range destinations {
			alone := slices.DeleteFunc(t.addresses(d), func(address netip.Addr) bool {
				return slices.ContainsFunc(t.names.Names(address), open)
			})
			entries = append(entries, t.entries(d, alone)...)
		}
	}
	return entries
}

// entries are a destination's at some addresses, without those that must never be
// blocked.
func (t *Table) entries(d harness.Destination, addresses []netip.Addr) (entries []block.Entry) {
	port, resolver := d.Port, IsResolver(d)
	if resolver {
		port = t.config.Resolver
	}
	for _, address := range addresses {
		if resolver || t.foreign(address) {
			entries = append(entries, block.Entry{Address: address, Protocol: d.Protocol, Port: port})
		}
	}
	return entries
}

// at are the destinations that a place is blocked for, those of every port last.
func (b Blocked) at(place watch.Place) []harness.Destination {
	entry := block.Entry{Address: place.Addr().Unmap(), Protocol: place.Protocol, Port: place.Port()}
	if entry == entry.Whole() {
		return b.owners[entry]
	}
	return slices.Concat(b.owners[entry], b.owners[entry.Whole()])
}

// ownersOf are the names that a place is blocked for.
func (b Blocked) ownersOf(place watch.Place) (owners []string) {
	for _, d := range b.at(place) {
		if !slices.Contains(owners, d.Name) {
			owners = append(owners, d.Name)
		}
	}
	return owners
}

// answered leaves out the names that are not answered, if another name explains
// why the device still knows the address.
func (b Blocked) answered(known []string) []string {
	open := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return len(b.byName[name]) > 0 })
	if len(open) == 0 {
		return known
	}
	return open
}

// bars reports whether a name is blocked at a place's protocol and port.
func (b Blocked) bars(place watch.Place, name string) bool {
	for _, d := range slices.Concat(b.byAddress, b.byName[name]) {
		if d.Name == name && d.Protocol == place.Protocol && (d.Port == place.Port() || d.EveryPort()) {
			return true
		}
	}
	return false
}

func placeOf(e block.Entry) watch.Place {
	return watch.Place{Protocol: e.Protocol, AddrPort: netip.AddrPortFrom(e.Address, e.Port)}
}
