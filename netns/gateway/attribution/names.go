package attribution

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// The limits of what a device can make the table record. Beyond them the names that
// were not used for the longest time are dropped. A name that is blocked or open is
// never dropped, nor is an address from the kernel's block.
const (
	mostNames     = 8192
	mostPairs     = 65536 // addresses of names, over all names
	mostAddresses = 8192  // of one name
	mostOfAddress = 256   // names of one address: the latest
	mostLast      = 64    // addresses of the latest answer for one name
	mostAliases   = 32    // names in the CNAME chains of one name
	mostAbove     = 64    // names in whose CNAME chains one name is
	longestUnused = 7 * 24 * time.Hour
	sweepEvery    = time.Hour
	spared        = 8 // if there are too many, one in eight is dropped
)

// name is what is known of one DNS name.
type name struct {
	addresses map[netip.Addr]time.Time // when they were last answered
	above     []string                 // the names in whose CNAME chains it is
	below     []string                 // the names in its own CNAME chains
	own       bool                     // the device queries it, and means no other name
	chained   bool                     // it was in a chain that came with addresses, so that no client needs to query it
	heard     bool                     // it is known from TLS handshakes, and from no DNS answer
	first     time.Time                // when it was first answered
	returned  bool                     // it was answered again later
	last      []netip.Addr             // the latest answer
	used      time.Time                // when it was last answered, or contacted
}

// nameTable keeps the names and addresses that were answered: a device may use an
// address long after its time to live. It is under the lock of its [Table].
type nameTable struct {
	names     map[string]*name
	addresses map[netip.Addr][]string // in the order in which they were learnt
	pairs     int
	needed    func(name string) bool // whether a name must not be dropped
	swept     time.Time
}

func newNameTable(needed func(string) bool) *nameTable {
	return &nameTable{names: map[string]*name{}, addresses: map[netip.Addr][]string{}, needed: needed, swept: time.Now()}
}

// get returns a name to write to.
func (t *nameTable) get(text string) *name {
	n := t.names[text]
	if n == nil {
		t.sweep()
		n = &name{addresses: map[netip.Addr]time.Time{}}
		t.names[text] = n
	}
	n.used = time.Now()
	return n
}

// Learn adds addresses of a name.
func (t *nameTable) Learn(text string, addresses []netip.Addr) {
	n := t.get(text)
	for _, address := range addresses {
		_, known := n.addresses[address]
		n.addresses[address] = n.used
		if known {
			continue
		}
		t.pairs++
		if list := t.addresses[address]; len(list) >= mostOfAddress {
			t.addresses[address] = slices.Delete(list, 0, 1) // the name keeps the address, so that a block covers it
		}
		t.addresses[address] = append(t.addresses[address], text)
		if len(n.addresses) > mostAddresses || t.pairs > mostPairs {
			t.unlearnOldest(text)
		}
	}
}

// unlearnOldest removes those addresses of a name that were not answered for the
// longest time.
func (t *nameTable) unlearnOldest(text string) {
	addresses := t.names[text].addresses
	byAge := slices.SortedFunc(maps.Keys(addresses), func(a, b netip.Addr) int { return addresses[a].Compare(addresses[b]) })
	for _, address := range byAge[:1+len(byAge)/spared] {
		t.unlearn(text, address)
	}
}

// unlearn removes one address of a name.
func (t *nameTable) unlearn(text string, address netip.Addr) {
	delete(t.names[text].addresses, address)
	t.pairs--
	left := slices.DeleteFunc(t.addresses[address], func(other string) bool { return other == text })
	t.addresses[address] = left
	if len(left) == 0 {
		delete(t.addresses, address)
	}
}

// Alias records the CNAME chain of a name's answer. Complete says that the answer
// gave the addresses at its end.
func (t *nameTable) Alias(text string, chain []string, complete bool) {
	for _, alias := range chain {
		top := t.get(text)
		_, known := slices.BinarySearch(top.below, alias)
		if alias == text || !known && len(top.below) >= mostAliases {
			continue
		}
		top.below = insert(top.below, alias, mostAliases)
		n := t.get(alias)
		n.chained = n.chained || complete
		n.above = insert(n.above, text, mostAbove)
	}
}

// insert adds to a sorted list that has a limit.
func insert(list []string, text string, most int) []string {
	at, known := slices.BinarySearch(list, text)
	if known || len(list) >= most {
		return list
	}
	return slices.Insert(list, at, text)
}

// Meant are the names that a device means by a query for this one: itself, or those
// in whose CNAME chains it is.
func (t *nameTable) Meant(text string) (meant []string) {
	seen := map[string]bool{text: true}
	for queue := []string{text}; len(queue) > 0 && len(seen) <= mostAbove; queue = queue[1:] {
		n := t.names[queue[0]]
		if n == nil || n.own || len(n.above) == 0 {
			meant = append(meant, queue[0])
			continue
		}
		for _, next := range n.above {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(meant) == 0 { // a circle
		return []string{text}
	}
	return meant
}

// Hear records that a name was the SNI at an address, and reports whether that
// counts: no DNS answer named the address.
func (t *nameTable) Hear(text string, address netip.Addr) bool {
	if len(t.addresses[address]) > 0 {
		return false
	}
	if n := t.get(text); len(n.addresses) == 0 {
		n.heard = true
	}
	return true
}

// OnlyHeard reports whether a name is known from TLS handshakes, and from no DNS
// answer.
func (t *nameTable) OnlyHeard(text string) bool {
	n := t.names[text]
	return n != nil && n.heard
}

// All are the names that are known, in no order.
func (t *nameTable) All() []string { return slices.Collect(maps.Keys(t.names)) }

// Addresses are those of a name, sorted.
func (t *nameTable) Addresses(text string) []netip.Addr {
	n := t.names[text]
	if n == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(n.addresses), netip.Addr.Compare)
}

// Aliases are the names in the CNAME chains of a name, sorted.
func (t *nameTable) Aliases(text string) []string {
	n := t.names[text]
	if n == nil {
		return nil
	}
	return slices.Clone(n.below)
}

// Names are those of an address, the first learnt first.
func (t *nameTable) Names(address netip.Addr) []string {
	return slices.Clone(t.addresses[plain(address)])
}

// Use records that the names of an address are in use.
func (t *nameTable) Use(address netip.Addr) {
	for _, text := range t.addresses[address] {
		t.names[text].used = time.Now()
	}
}

// sweep drops names that were not used for long, and more if there are too many.
func (t *nameTable) sweep() {
	now := time.Now()
	full := len(t.names) >= mostNames || t.pairs >= mostPairs*(spared-1)/spared
	if !full && now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	texts := slices.SortedFunc(maps.Keys(t.names), func(a, b string) int { return t.names[a].used.Compare(t.names[b].used) })
	for i, text := range texts {
		tooMany := full && i < 1+len(texts)/spared
		if !tooMany && now.Sub(t.names[text].used) < longestUnused {
			break
		}
		if !t.needed(text) {
			t.drop(text)
		}
	}
}

// drop removes a name.
func (t *nameTable) drop(text string) {
	n := t.names[text]
	for _, address := range slices.Collect(maps.Keys(n.addresses)) {
		t.unlearn(text, address)
	}
	for _, alias := range n.below {
		if below := t.names[alias]; below != nil {
			below.above = slices.DeleteFunc(below.above, func(other string) bool { return other == text })
		}
	}
	for _, top := range n.above {
		if above := t.names[top]; above != nil {
			above.below = slices.DeleteFunc(above.below, func(other string) bool { return other == text })
		}
	}
	delete(t.names, text)
}
