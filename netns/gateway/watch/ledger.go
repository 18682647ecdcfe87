package watch

import (
	"net/netip"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
)

// Ledger adds packets up to contacts, one window at a time.
type Ledger struct {
	inside int

	mutex  sync.Mutex
	places map[Place]*harness.Contact
	asked  map[connection]bool
	held   map[harness.Destination]*harness.Contact // by their names
	sent   map[any]bool                             // questions that were held back
}

// Place is a remote address and port.
type Place struct {
	Protocol       string // harness.TCP, harness.UDP or harness.ICMP
	netip.AddrPort        // with port 0 for ICMP
}

// connection tells a fresh SYN from its retransmission, which has the same
// sequence number.
type connection struct {
	point    Point
	from, to netip.AddrPort
	sequence uint32
}

// Window is what was seen since the ledger's last [Ledger.Open].
type Window struct {
	Places   map[Place]harness.Contact               // by remote address, without the destination
	Withheld map[harness.Destination]harness.Contact // queries that got no answer, since the name of these is withheld
}

// NewLedger makes a ledger with its first window open. The device is behind the
// link with the index inside.
func NewLedger(inside int) *Ledger {
	l := &Ledger{inside: inside}
	l.Open()
	return l
}

// Open begins a new window and forgets the last.
func (l *Ledger) Open() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.places = map[Place]*harness.Contact{}
	l.asked = map[connection]bool{}
	l.held = map[harness.Destination]*harness.Contact{}
	l.sent = map[any]bool{}
}

// Note adds one packet.
func (l *Ledger) Note(p Packet) {
	byDevice := p.Point == Outward || p.Point == Block && p.Link == l.inside
	remote := p.Source
	if byDevice {
		remote = p.Destination
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	contact := contactOf(l.places, Place{p.Protocol, remote})
	seen(contact, p.At)
	fresh := byDevice && l.fresh(p)
	switch {
	case p.Point == Block && fresh:
		attempt(contact, p.At)
	case p.Point == Block:
		contact.Touched++
	case fresh:
		contact.Tries++
	case p.Point == Inward:
		contact.Answered = true
	}
}

// Withhold adds a question that got no answer, since the name of these
// destinations is withheld. The same question once more is not a new attempt.
func (l *Ledger) Withhold(destinations []harness.Destination, question any, at time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	again := l.sent[question]
	l.sent[question] = true
	for _, destination := range destinations {
		contact := contactOf(l.held, destination)
		seen(contact, at)
		if again {
			contact.Touched++
			continue
		}
		contact.Tries++
		attempt(contact, at)
	}
}

func seen(contact *harness.Contact, at time.Time) {
	contact.Last = at
	if contact.First.IsZero() {
		contact.First = at
	}
}

func attempt(contact *harness.Contact, at time.Time) {
	contact.Attempts++
	contact.Touched++
	if contact.Attempted.IsZero() {
		contact.Attempted = at
	}
}

// fresh reports whether the device began something with this packet: a datagram, an
// ICMP echo, or a SYN that was not sent before.
func (l *Ledger) fresh(p Packet) bool {
	if p.Protocol != harness.TCP {
		return true
	}
	key := connection{p.Point, p.Source, p.Destination, p.Sequence}
	if !p.SYN || l.asked[key] {
		return false
	}
	l.asked[key] = true
	return true
}

func contactOf[K comparable](all map[K]*harness.Contact, key K) *harness.Contact {
	if all[key] == nil {
		all[key] = &harness.Contact{}
	}
	return all[key]
}

// Window returns a copy of the open window.
func (l *Ledger) Window() Window {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return Window{copied(l.places), copied(l.held)}
}

func copied[K comparable](all map[K]*harness.Contact) map[K]harness.Contact {
	copies := make(map[K]harness.Contact, len(all))
	for key, contact := range all {
		copies[key] = *contact
	}
	return copies
}
