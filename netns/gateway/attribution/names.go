package attribution

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/netns/gateway/names"
)

// nameTable keeps every name and address that was answered, for as long as the
// gateway runs: a device may use an address long after its time to live. It is
// under the lock of its [Table].
type nameTable struct {
	addresses map[string][]netip.Addr // sorted
	names     map[netip.Addr][]string // in the order in which they were learnt
	aliased   map[string][]string     // the names that an alias was answered for
	heard     map[string]bool         // the names that no answer was for, but a server was asked by
}

// newNameTable returns an empty table.
func newNameTable() *nameTable {
	return &nameTable{addresses: map[string][]netip.Addr{}, names: map[netip.Addr][]string{}, aliased: map[string][]string{}, heard: map[string]bool{}}
}

// Learn adds addresses of a name.
func (t *nameTable) Learn(name string, addresses []netip.Addr) {
	name = names.Canonical(name)
	for _, address := range addresses {
		at, known := slices.BinarySearchFunc(t.addresses[name], address, netip.Addr.Compare)
		if known {
			continue
		}
		t.addresses[name] = slices.Insert(t.addresses[name], at, address)
		t.names[address] = append(t.names[address], name)
	}
}

// Alias says that these stand for a name: who asks for one of them later means
// that name.
func (t *nameTable) Alias(name string, aliases []string) {
	name = names.Canonical(name)
	for _, alias := range aliases {
		if alias = names.Canonical(alias); alias != name && !slices.Contains(t.aliased[alias], name) {
			t.aliased[alias] = append(t.aliased[alias], name)
		}
	}
}

// Meant are the names that a device means when it asks for this one: those that
// it stands for, or itself where it stands for none.
func (t *nameTable) Meant(name string) (meant []string) {
	name = names.Canonical(name)
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
func (t *nameTable) Hear(name string, address netip.Addr) bool {
	name = names.Canonical(name)
	if len(t.names[plain(address)]) > 0 {
		return false
	}
	if len(t.addresses[name]) == 0 {
		t.heard[name] = true
	}
	return true
}

// Answer says that a name was answered for.
func (t *nameTable) Answer(name string) {
	delete(t.heard, names.Canonical(name))
}

// OnlyHeard tells whether a name is known from servers that were asked by it, and
// from no answer.
func (t *nameTable) OnlyHeard(name string) bool {
	return t.heard[names.Canonical(name)]
}

// Addresses are those of a name, sorted.
func (t *nameTable) Addresses(name string) []netip.Addr {
	return slices.Clone(t.addresses[names.Canonical(name)])
}

// Names are those of an address, the first learnt first.
func (t *nameTable) Names(address netip.Addr) []string {
	return slices.Clone(t.names[plain(address)])
}
