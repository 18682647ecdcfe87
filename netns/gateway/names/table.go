package names

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Table keeps every name and address that was answered, for as long as the
// gateway runs: a device may use an address long after its time to live.
type Table struct {
	mutex     sync.RWMutex
	addresses map[string][]netip.Addr // sorted
	names     map[netip.Addr][]string // in the order in which they were learnt
}

// NewTable is an empty table.
func NewTable() *Table {
	return &Table{addresses: map[string][]netip.Addr{}, names: map[netip.Addr][]string{}}
}

// Canonical is a name as the table keeps it: lower case, without the trailing
// dot.
func Canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Learn adds addresses of a name and returns those that are new for it.
func (t *Table) Learn(name string, addresses []netip.Addr) (added []netip.Addr) {
	name = Canonical(name)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, address := range addresses {
		address = address.Unmap().WithZone("")
		at, known := slices.BinarySearchFunc(t.addresses[name], address, netip.Addr.Compare)
		if known {
			continue
		}
		t.addresses[name] = slices.Insert(t.addresses[name], at, address)
		t.names[address] = append(t.names[address], name)
		added = append(added, address)
	}
	return added
}

// Addresses are those of a name, sorted.
func (t *Table) Addresses(name string) []netip.Addr {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return slices.Clone(t.addresses[Canonical(name)])
}

// Names are those of an address, the first learnt first.
func (t *Table) Names(address netip.Addr) []string {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return slices.Clone(t.names[address.Unmap().WithZone("")])
}

// Sharing are the other names that have an address in common with this one,
// sorted.
func (t *Table) Sharing(name string) (others []string) {
	name = Canonical(name)
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	for _, address := range t.addresses[name] {
		for _, other := range t.names[address] {
			if other != name {
				others = append(others, other)
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}
