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
	aliased   map[string][]string     // the names that an alias was answered for
	heard     map[string]bool         // the names that no answer was for, but a server was asked by
}

// NewTable is an empty table.
func NewTable() *Table {
	return &Table{addresses: map[string][]netip.Addr{}, names: map[netip.Addr][]string{}, aliased: map[string][]string{}, heard: map[string]bool{}}
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

// Alias says that these stand for a name: who asks for one of them later means
// that name.
func (t *Table) Alias(name string, aliases []string) {
	name = Canonical(name)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, alias := range aliases {
		if alias = Canonical(alias); alias != name && !slices.Contains(t.aliased[alias], name) {
			t.aliased[alias] = append(t.aliased[alias], name)
		}
	}
}

// Meant are the names that a device means when it asks for this one: those that
// it stands for, or itself where it stands for none.
func (t *Table) Meant(name string) (meant []string) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	name = Canonical(name)
	seen := map[string]bool{name: true}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		above := t.aliased[queue[0]]
		if len(above) == 0 {
			meant = append(meant, queue[0])
		}
		for _, next := range above {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(meant) == 0 { // a circle
		return []string{name}
	}
	return meant
}

// Hear says that a server at the address was asked by this name. It counts where
// no answer named the address; then Hear tells so.
func (t *Table) Hear(name string, address netip.Addr) bool {
	name = Canonical(name)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.names[address.Unmap().WithZone("")]) > 0 {
		return false
	}
	if len(t.addresses[name]) == 0 {
		t.heard[name] = true
	}
	return true
}

// Answer says that a name was answered for.
func (t *Table) Answer(name string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.heard, Canonical(name))
}

// OnlyHeard tells whether a name is known from servers that were asked by it, and
// from no answer.
func (t *Table) OnlyHeard(name string) bool {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	return t.heard[Canonical(name)]
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
