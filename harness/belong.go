package harness

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// belonging finds the row of each destination that a run names. Four kinds of
// destination have a row other than themselves, because more is known now than when
// they were first seen:
//
//   - one port of an address of which every port is a row;
//   - a name below a domain of which every name is a row, unless the gateway sees that
//     name by itself (Contact.Except);
//   - an address, with a port or with every port, that has since turned out to be that
//     of a name;
//   - a name that has the same addresses as another name, if no fault of the run tells
//     them apart. The gateway shows the first of them that it knows, and a second lane
//     may know the other one first.
type belonging struct {
	wide   []Destination
	except map[Destination][]string    // of the wide ones
	named  map[Destination]Destination // addresses, with the name that they belong to
	twins  map[Destination]Destination // names, with the first of those that have the same addresses
}

// place is an address with protocol and port.
type place struct {
	protocol string
	port     uint16
	address  netip.Addr
}

func (r Run) belonging() belonging {
	b := belonging{except: map[Destination][]string{}, named: map[Destination]Destination{}}
	bare, named := map[place]Destination{}, map[Destination]bool{}
	seen := map[Destination]Contact{} // of the names
	for _, d := range r.destinations() {
		if d.wide() {
			b.wide = append(b.wide, d)
		}
		if address, ok := d.Address(); ok {
			bare[place{d.Protocol, d.Port, address}] = d
		} else if _, everyName := d.Domain(); !everyName {
			named[d] = true
		}
	}
	for _, result := range r.Results {
		for _, contact := range result.Seen.Contacts {
			d := contact.Destination
			if len(contact.Except) > 0 {
				b.except[d] = append(b.except[d], contact.Except...)
			}
			if !named[d] {
				continue
			}
			known := seen[d]
			known.Addresses = union(known.Addresses, contact.Addresses, netip.Addr.Compare)
			known.Collateral = union(known.Collateral, contact.Collateral, cmp.Compare[string])
			seen[d] = known
			for _, address := range contact.Addresses {
				b.name(bare[place{d.Protocol, d.Port, address}], d)
			}
		}
	}
	if !slices.Contains(r.Settings.Faults, NXDomain) {
		b.twins = twins(seen)
	}
	return b
}

// twins finds names that share all of their addresses. Each must list the other one
// under Collateral.
func twins(seen map[Destination]Contact) map[Destination]Destination {
	first := map[Destination]Destination{}
	for d, contact := range seen {
		for _, name := range contact.Collateral {
			other := Destination{Protocol: d.Protocol, Port: d.Port, Name: name}
			twin, known := seen[other]
			if !known || other.Compare(cmp.Or(first[d], d)) >= 0 || !slices.Contains(twin.Collateral, d.Name) {
				continue
			}
			if slices.Equal(contact.Addresses, twin.Addresses) {
				first[d] = other
			}
		}
	}
	return first
}

// name records that an address, if it is one, belongs to a name: to the first of
// several.
func (b belonging) name(bare, name Destination) {
	if known, ok := b.named[bare]; bare != (Destination{}) && (!ok || name.Compare(known) < 0) {
		b.named[bare] = name
	}
}

// row is the row that a destination belongs to.
func (b belonging) row(d Destination) Destination {
	for range 2 + len(b.wide) { // a wide row may belong to a wider one
		next := b.wider(cmp.Or(b.named[d], b.twins[d], d))
		if next == d {
			return d
		}
		d = next
	}
	return d
}

func (b belonging) wider(d Destination) Destination {
	for _, w := range b.wide {
		if w != d && w.Covers(d) && !slices.Contains(b.except[w], d.Name) {
			return w
		}
	}
	return d
}

// stale reports whether a trial says nothing of the row of one that it blocked:
// it blocked an address, and to block the name that the address belongs to would
// not have done that.
func (b belonging) stale(trial Trial) bool {
	return trial.Fault == NXDomain && slices.ContainsFunc(trial.Block, func(d Destination) bool {
		_, named := b.named[d]
		return named
	})
}

// tidied is what was seen of a row, without what belongs to it under Collateral.
func (b belonging) tidied(row Contact) Contact {
	domain, wide := row.Destination.Domain()
	row.Collateral = slices.DeleteFunc(row.Collateral, func(name string) bool {
		part := wide && strings.HasSuffix(name, "."+domain) && !slices.Contains(row.Except, name)
		return part || name == row.Destination.Name
	})
	return row
}
