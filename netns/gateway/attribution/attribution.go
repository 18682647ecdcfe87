// Package attribution determines which destination a packet, an address or a
// name belongs to.
//
// A [Table] records the addresses that DNS answers gave for names ([Table.Answer]),
// the names that the device put into its TLS handshakes ([Table.SNI]), and what an
// earlier run saw ([Table.Know]). It also records what is blocked ([Table.Use]), because an address
// that is blocked for a name belongs to that name. From this it makes destinations
// of places ([Table.Destinations]) and contacts of a whole window
// ([Table.Contacts]).
//
// A Table makes no system calls. A call that teaches it a new address returns a
// [Change]: what the caller must do to the kernel's block before the device can
// use that address. All methods may be called from several goroutines.
package attribution

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Resolver is the name of the gateway's own resolver as a destination.
const Resolver = names.Reserved

// Config describes the gateway whose traffic is attributed.
type Config struct {
	Own      []netip.Addr   // every address of the gateway
	Inside   []netip.Addr   // those at which the device queries the gateway's resolver
	Home     []netip.Prefix // the home network and the device's, whose hosts are not destinations
	Resolver uint16         // the port of the gateway's resolver
	KeepDNS  bool           // the gateway's resolver is never blocked, and is not a destination

	// Apart makes names that share an address and a port separate destinations.
	// Otherwise they are one, under the name of one of them.
	Apart bool

	// Always names what is blocked at all times, by its addresses.
	Always []harness.Pattern

	// Only finds the names of a contact that are on a blocklist; nil if all are to be
	// judged. The names below a domain are joined to one destination only if the list
	// has all of them.
	Only func(harness.Contact) (listed []string)
}

// joins reports whether the names below a domain may be one destination.
func (c Config) joins(domain string) bool {
	wide := harness.Destination{Protocol: harness.TCP, Name: wildcard + domain}
	return c.Only == nil || len(c.Only(harness.Contact{Destination: wide})) > 0
}

// Table knows which destination an address or a name belongs to.
type Table struct {
	config Config

	mutex     sync.Mutex
	names     *nameTable
	domains   *domains
	ports     ports
	evidence  map[netip.Addr]map[service]*evidence
	proof     int                      // how much evidence there is for all addresses
	delivered delivered                // the latest answer that the device got
	latest    map[netip.Addr]delivered // of those with an address
	spaced    map[netip.Addr]spaced
	sinkholes map[string][]netip.Addr // of this window: names with addresses that no host on the internet can have
	shown     map[watch.Place]string  // the name that represents all names of a place
	blocked   Blocked
	open      []harness.Destination // in a confinement, what is not blocked
}

// New returns a table without names, with nothing blocked.
func New(config Config) *Table {
	t := &Table{
		config: config, evidence: map[netip.Addr]map[service]*evidence{}, latest: map[netip.Addr]delivered{},
		spaced:    map[netip.Addr]spaced{},
		sinkholes: map[string][]netip.Addr{}, shown: map[watch.Place]string{},
	}
	t.names = newNameTable(t.needed)
	t.domains = newDomains(t.names, config.joins)
	t.ports = newPorts()
	return t
}

// Know records what an earlier run saw: a device may remember an address and never
// query DNS for it again.
func (t *Table) Know(contacts []harness.Contact) (change Change) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, contact := range contacts {
		t.widen(contact.Destination, contact.Except)
	}
	for _, contact := range contacts {
		if names.IsHost(strings.TrimPrefix(contact.Destination.Name, wildcard)) {
			change.add(t.know(contact))
		}
	}
	return change
}

func (t *Table) know(contact harness.Contact) Change {
	d := contact.Destination
	d.Name = t.domains.Row(d.Name)
	n := t.names.get(d.Name)
	n.own = true
	n.heard = contact.Named == "tls" && len(n.addresses) == 0
	t.names.Alias(d.Name, contact.Aliases, true)
	for _, entry := range t.entries(d, t.usable(contact.Addresses)) {
		if e := t.at(placeOf(entry), d.Name); e != nil {
			e.earlier = true
		}
		t.show(placeOf(entry), d.Name)
	}
	return t.learn(d.Name, contact.Addresses)
}

// widen makes one destination of every port, or of the names below a domain without
// these names, if that is what d is.
func (t *Table) widen(d harness.Destination, without []string) {
	if d.EveryPort() {
		t.ports.join(host{d.Protocol, d.Name})
	}
	domain, wide := d.Domain()
	if !wide {
		return
	}
	for _, text := range without {
		n := t.names.get(text)
		n.own, n.returned = true, true
	}
	t.domains.Widen(domain)
}

// needed reports whether a name must not be dropped: it is blocked or open, or would
// turn into a part of another destination.
func (t *Table) needed(text string) bool {
	is := func(d harness.Destination) bool { return d.Name == text }
	return len(t.blocked.byName[text]) > 0 || slices.ContainsFunc(t.blocked.byAddress, is) || slices.ContainsFunc(t.open, is) ||
		t.domains.Excepted(text) || slices.ContainsFunc(t.config.Always, func(p harness.Pattern) bool { return p.MatchesName(text) })
}

// mostShown limits the places whose name is recorded.
const mostShown = 65536

// show makes a name represent a place, unless another one does so already.
func (t *Table) show(place watch.Place, name string) {
	if t.shown[place] != "" {
		return
	}
	if len(t.shown) >= mostShown {
		clear(t.shown)
	}
	t.shown[place] = name
}

// IsResolver reports whether a destination is the gateway's own resolver.
func IsResolver(d harness.Destination) bool { return d.Name == Resolver && d.Port == names.Port }

// Kept reports whether a destination is never blocked.
func (t *Table) Kept(d harness.Destination) bool { return IsResolver(d) && t.config.KeepDNS }

// Destinations returns what a place is: the destinations that it is blocked for,
// or else those of the names that the device queried, or else the bare address.
// The gateway, the home network, addresses that no host on the internet can have,
// and what is kept have none.
func (t *Table) Destinations(place watch.Place) []harness.Destination {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.destinations(place)
}

func (t *Table) destinations(place watch.Place) (destinations []harness.Destination) {
	for _, name := range t.namesOf(place) {
		if d := t.destination(place, name); !t.Kept(d) {
			destinations = append(destinations, d)
		}
	}
	return destinations
}

// destination is the one that a place is under a name: what it is blocked for, or else
// every port if the name has many, or else its port.
func (t *Table) destination(place watch.Place, name string) harness.Destination {
	d := harness.Destination{Protocol: place.Protocol, Port: place.Port(), Name: name}
	if name == Resolver {
		d.Port = names.Port
		return d
	}
	for _, owner := range t.blocked.at(place) {
		if owner.Name == name {
			return owner
		}
	}
	if t.everyPort(place, name) && !t.always(d, place.Addr().Unmap()) {
		d.Port = 0
	}
	return d
}

func (t *Table) namesOf(place watch.Place) []string {
	address := place.Addr().Unmap()
	if t.own(address) && place.Port() == t.config.Resolver {
		return []string{Resolver}
	}
	if !t.foreign(address) {
		return nil
	}
	owners := t.blocked.ownersOf(place)
	if t.everyPort(place, address.String()) {
		place = place.Whole()
	}
	known := t.candidates(place, t.names.Names(address))
	if len(known) == 0 {
		known = []string{address.String()}
	}
	switch {
	case t.config.Apart:
		return union(owners, t.blocked.answered(known))
	case len(owners) > 0:
		return owners
	}
	return []string{t.standIn(place, known)}
}

// standIn is the one of several names that represents all of them in a row. It is
// the same one in every later window, so that a place has one row.
func (t *Table) standIn(place watch.Place, known []string) string {
	if shown := t.shown[place]; slices.Contains(t.names.addresses[plain(place.Addr())], shown) {
		return shown
	}
	return t.likeliest(place, known)
}

// Settle ends a window: the names that now represent its places do so from now on.
func (t *Table) Settle(window watch.Window) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for place := range window.Places {
		if t.everyPort(place, plain(place.Addr()).String()) {
			place = place.Whole()
		}
		if known := t.candidates(place, t.names.Names(place.Addr())); len(known) > 0 {
			name := t.standIn(place, known)
			delete(t.shown, place)
			t.show(place, name)
			t.names.Use(plain(place.Addr()))
		}
	}
	clear(t.sinkholes)
}

// Contacts are those of a window, sorted by destination, with everything that is
// known of their addresses now: a name that became known during the window counts
// for what came before, too.
func (t *Table) Contacts(window watch.Window) []harness.Contact {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.countPorts(window)
	all := map[harness.Destination]harness.Contact{}
	private := map[service]string{} // by protocol, port and name: a name may have thousands of places
	add := func(d harness.Destination, port uint16, seen harness.Contact) {
		key := service{watch.Place{Protocol: d.Protocol, AddrPort: netip.AddrPortFrom(netip.Addr{}, port)}, d.Name}
		if _, known := private[key]; !known {
			private[key] = names.Private(d.Protocol, port, d.Name, t.addresses(d))
		}
		seen.Destination, seen.Private = d, private[key]
		all[d] = all[d].With(seen)
	}
	for place, seen := range window.Places {
		for _, d := range t.destinations(place) {
			add(d, place.Port(), seen)
		}
	}
	for d, seen := range window.BlockedQueries {
		add(d, d.Port, seen)
	}
	contacts := make([]harness.Contact, 0, len(all))
	for d, contact := range all {
		contact.Addresses = t.addresses(d)
		contact.Collateral = t.collateral(d)
		contact.Named = t.named(d)
		contact.Aliases = t.names.Aliases(d.Name)
		contact.Except = t.domains.Except(d)
		contacts = append(contacts, contact)
	}
	slices.SortFunc(contacts, func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
	return contacts
}

// addresses are all known addresses of a destination.
func (t *Table) addresses(d harness.Destination) []netip.Addr {
	if IsResolver(d) {
		return t.config.Inside
	}
	if address, bare := d.Address(); bare {
		return []netip.Addr{address}
	}
	return t.names.Addresses(d.Name)
}

// collateral lists the other names at the places of a destination, which a block
// of the addresses affects, too.
func (t *Table) collateral(d harness.Destination) (others []string) {
	if IsResolver(d) {
		return nil
	}
	for _, address := range t.names.Addresses(d.Name) {
		known := t.names.Names(address)
		if !d.EveryPort() {
			known = t.notElsewhere(watch.Place{Protocol: d.Protocol, AddrPort: netip.AddrPortFrom(address, d.Port)}, known)
		}
		others = union(others, known)
	}
	return slices.DeleteFunc(others, func(name string) bool { return name == d.Name })
}

// named is how the name of a destination is known: "dns", "tls", or "" if it has
// none.
func (t *Table) named(d harness.Destination) string {
	switch {
	case d.Host() == "" || IsResolver(d):
		return ""
	case t.names.OnlyHeard(d.Name):
		return "tls"
	}
	return "dns"
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
