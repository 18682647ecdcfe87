package watch

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/needwant/needwant/harness"
)

// Ledger adds packets up to contacts, one window at a time.
type Ledger struct {
	inside    int
	attribute func(protocol string, remote netip.AddrPort) (d harness.Destination, counts bool)

	mutex    sync.Mutex
	contacts map[harness.Destination]*harness.Contact
	asked    map[connection]bool
}

// connection tells a fresh SYN from its retransmission, which has the same
// sequence number.
type connection struct {
	point    Point
	from, to netip.AddrPort
	sequence uint32
}

// NewLedger makes a ledger with its first window open. The device is behind the
// link with the index inside. The function attribute tells which destination a
// remote address is; it is called once for each packet, in order.
func NewLedger(inside int, attribute func(protocol string, remote netip.AddrPort) (harness.Destination, bool)) *Ledger {
	l := &Ledger{inside: inside, attribute: attribute}
	l.Open()
	return l
}

// Open begins a new window and forgets the last.
func (l *Ledger) Open() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.contacts = map[harness.Destination]*harness.Contact{}
	l.asked = map[connection]bool{}
}

// Note adds one packet.
func (l *Ledger) Note(p Packet) {
	byDevice := p.Point == Outward || p.Point == Block && p.Link == l.inside
	remote := p.Source
	if byDevice {
		remote = p.Destination
	}
	destination, counts := l.attribute(p.Protocol, remote)
	if !counts {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	contact := l.contact(destination)
	contact.Last = p.At
	if contact.First.IsZero() {
		contact.First = p.At
	}
	fresh := byDevice && l.fresh(p)
	switch {
	case p.Point == Block && fresh:
		contact.Attempts++
		contact.Touched++
	case p.Point == Block:
		contact.Touched++
	case fresh:
		contact.Tries++
	case p.Point == Inward:
		contact.Answered = true
	}
}

// fresh tells whether the device began something with this packet: a datagram,
// or a SYN that was not sent before.
func (l *Ledger) fresh(p Packet) bool {
	if p.Protocol == "udp" {
		return true
	}
	key := connection{p.Point, p.Source, p.Destination, p.Sequence}
	if !p.SYN || l.asked[key] {
		return false
	}
	l.asked[key] = true
	return true
}

func (l *Ledger) contact(d harness.Destination) *harness.Contact {
	contact := l.contacts[d]
	if contact == nil {
		contact = &harness.Contact{Destination: d}
		l.contacts[d] = contact
	}
	return contact
}

// Contacts are those of the open window, sorted by destination.
func (l *Ledger) Contacts() []harness.Contact {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	contacts := make([]harness.Contact, 0, len(l.contacts))
	for _, contact := range l.contacts {
		contacts = append(contacts, *contact)
	}
	slices.SortFunc(contacts, func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
	return contacts
}
