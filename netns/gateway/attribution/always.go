package attribution

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
)

// Always reports whether a contact is with a destination that is blocked at all
// times, and so is not one to judge.
func (t *Table) Always(contact harness.Contact) bool {
	return t.always(contact.Destination, contact.Addresses...)
}

func (t *Table) always(d harness.Destination, addresses ...netip.Addr) bool {
	return slices.ContainsFunc(t.config.Always, func(p harness.Pattern) bool { return p.Matches(d, addresses...) })
}

// alwaysEntries are what the patterns of [Config.Always] come to, with all
// addresses that are known now.
func (t *Table) alwaysEntries() (entries []block.Entry) {
	for _, pattern := range t.config.Always {
		for _, d := range pattern.Destinations() {
			entries = append(entries, t.entries(d, t.addressesLike(d, pattern))...)
		}
	}
	return entries
}

// addressesLike are the known addresses of every name that a pattern names, or the
// pattern's own address.
func (t *Table) addressesLike(d harness.Destination, pattern harness.Pattern) (addresses []netip.Addr) {
	if address, bare := d.Address(); bare {
		return []netip.Addr{address}
	}
	for _, name := range t.names.All() {
		if pattern.MatchesName(name) {
			addresses = append(addresses, t.names.Addresses(name)...)
		}
	}
	return addresses
}

// alwaysAt are the entries of a name's addresses that are blocked at all times.
func (t *Table) alwaysAt(name string, addresses []netip.Addr) (entries []block.Entry) {
	for _, pattern := range t.config.Always {
		if !pattern.MatchesName(name) {
			continue
		}
		for _, d := range pattern.Destinations() {
			entries = append(entries, t.entries(d, addresses)...)
		}
	}
	return entries
}
