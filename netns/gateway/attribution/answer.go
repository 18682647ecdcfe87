package attribution

import (
	"net/netip"
	"slices"

	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
)

// mostOwned limits the entries that are learnt for blocked names while they are
// blocked. Beyond it a [Change] still lists them.
const mostOwned = 1 << 17

// Change is what the kernel must hold before the device can use what was learnt. It
// lists every address that an answer or a handshake gave, whether or not it was
// known before, so that a change which the kernel rejected is tried again.
type Change struct {
	Block []block.Entry // addresses of blocked destinations
	Open  []block.Entry // in a confinement, addresses of open destinations
}

func (c *Change) add(more Change) {
	c.Block, c.Open = append(c.Block, more.Block...), append(c.Open, more.Open...)
}

// Answer records a DNS answer.
func (t *Table) Answer(answer names.Answered) (change Change) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if answer.Name == "" {
		return Change{}
	}
	t.noteSinkhole(answer.Name, answer.Addresses)
	addresses := t.usable(answer.Addresses)
	change.Block = t.alwaysAt(answer.Name, addresses)
	name := t.domains.Row(answer.Name)
	if len(addresses) > 0 && t.domains.Answered(name) {
		name = t.domains.Row(answer.Name)
	}
	n := t.names.get(name)
	n.own = n.own || t.asksFor(name)
	if len(addresses) > 0 {
		n.heard, n.last = false, slices.Clone(addresses[:min(len(addresses), mostLast)])
	}
	t.names.Alias(name, answer.Aliases, answer.Complete)
	for _, meant := range t.names.Meant(name) {
		change.add(t.learn(meant, addresses))
	}
	return change
}

// asksFor reports whether a query for a name means that name. A name in the CNAME
// chain of another one is queried for the other's sake if the chain came without
// addresses, or while the other one is blocked: the device may have the chain from
// before. Otherwise the device wants the name itself.
func (t *Table) asksFor(name string) bool {
	n := t.names.names[name]
	if len(n.above) == 0 {
		return true
	}
	return n.chained && !slices.ContainsFunc(t.names.Meant(name), func(top string) bool { return top != name && t.blocked.concerns(top) })
}

// learn records that a name has these addresses.
func (t *Table) learn(name string, addresses []netip.Addr) (change Change) {
	addresses = t.usable(addresses)
	t.names.Learn(name, addresses)
	change.Block = t.alwaysAt(name, addresses)
	for _, d := range t.blocked.byAddress {
		if d.Name != name {
			continue
		}
		for _, entry := range t.entries(d, addresses) {
			change.Block = append(change.Block, entry)
			room := len(t.blocked.owners) < mostOwned || len(t.blocked.owners[entry]) > 0
			if room && !slices.Contains(t.blocked.owners[entry], d) {
				t.blocked.owners[entry] = append(t.blocked.owners[entry], d)
			}
		}
	}
	for _, d := range t.open {
		if d.Name == name {
			change.Open = append(change.Open, t.entries(d, addresses)...)
		}
	}
	return change
}
