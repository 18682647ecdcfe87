package watch

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/recent"
)

// ManyPorts is how many ports of one address and protocol are separate. Beyond it the
// ports are taken together. A server has a few services, each with a fixed port: a
// device that was seen on eight ports of one address takes ports as they come, for
// example to reach a peer behind a NAT, and would never use most of them again.
const ManyPorts = 8

// The limits of what a device can make one window record.
const (
	mostPlaces   = 8192
	mostHeld     = 1024  // destinations whose name is blocked
	mostAsked    = 65536 // SYNs, and as many queries that got no answer
	longestAsked = 10 * time.Minute
)

// Ledger adds packets up to contacts, one window at a time.
type Ledger struct {
	inside int
	apart  []uint16

	mutex  sync.Mutex
	places map[Place]*harness.Contact
	ports  map[Place]int // by address and protocol: how many places there are
	asked  *recent.Map[connection, bool]
	held   map[harness.Destination]*harness.Contact // by their names
	sent   *recent.Map[any, bool]                   // queries that got no answer
}

// Place is a remote address and port.
type Place struct {
	Protocol       string // harness.TCP, harness.UDP or harness.ICMP
	netip.AddrPort        // with port 0 for ICMP, and for every port of an address
}

// Whole is the place for every port of a place's address and protocol.
func (p Place) Whole() Place { return Place{p.Protocol, netip.AddrPortFrom(p.Addr(), 0)} }

// connection tells a fresh SYN from its retransmission, which has the same
// sequence number.
type connection struct {
	point    Point
	from, to netip.AddrPort
	sequence uint32
}

// Window is what was seen since the ledger's last [Ledger.Open].
type Window struct {
	Places         map[Place]harness.Contact               // by remote address, without the destination
	BlockedQueries map[harness.Destination]harness.Contact // queries for names that are blocked
}

// NewLedger makes a ledger with its first window open. The device is behind the
// link with the index inside. Some ports stay apart also if an address is contacted
// on many.
func NewLedger(inside int, apart ...uint16) *Ledger {
	l := &Ledger{inside: inside, apart: apart}
	l.Open()
	return l
}

// Open begins a new window and forgets the last.
func (l *Ledger) Open() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.places, l.ports = map[Place]*harness.Contact{}, map[Place]int{}
	l.asked = recent.New[connection, bool](mostAsked, longestAsked)
	l.held = map[harness.Destination]*harness.Contact{}
	l.sent = recent.New[any, bool](mostAsked, longestAsked)
}

// Note adds one packet, and reports whether there was room for it. From the ninth port
// of one address on (see [ManyPorts]), packets count for [Place.Whole].
func (l *Ledger) Note(p Packet) bool {
	byDevice := p.Point == Outward || p.Point == Block && p.Link == l.inside
	remote := p.Source
	if byDevice {
		remote = p.Destination
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	contact := l.contact(Place{p.Protocol, remote})
	if contact == nil {
		return false
	}
	seen(contact, p.At)
	fresh := byDevice && l.fresh(p)
	switch {
	case p.Point == Block && fresh:
		attempt(contact, p.At)
	case p.Point == Block:
		contact.Touched++
		if !byDevice {
			contact.Stopped++
		}
	case fresh:
		contact.Tries++
	case p.Point == Inward:
		contact.Answered = true
	}
	return true
}

// contact is the one of a place, or nil if there are too many places.
func (l *Ledger) contact(place Place) *harness.Contact {
	whole := place.Whole()
	if l.places[place] == nil && l.ports[whole] >= ManyPorts && !slices.Contains(l.apart, place.Port()) {
		place = whole
	}
	if l.places[place] == nil {
		if len(l.places) >= mostPlaces {
			return nil
		}
		l.places[place] = &harness.Contact{}
		l.ports[whole]++
	}
	return l.places[place]
}

// AddBlockedQuery adds a query for the name of these destinations, which is
// blocked. The same query once more is not a new attempt.
func (l *Ledger) AddBlockedQuery(destinations []harness.Destination, question any, at time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, again := l.sent.Get(question)
	l.sent.Put(question, true)
	for _, destination := range destinations {
		if l.held[destination] == nil && len(l.held) >= mostHeld {
			continue
		}
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
	if contact.First.IsZero() {
		contact.First, contact.Last = at, at
	}
	contact.Quiet = max(contact.Quiet, at.Sub(contact.Last))
	contact.Last = at
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
	if !p.SYN {
		return false
	}
	_, again := l.asked.Get(key)
	l.asked.Put(key, true)
	return !again
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
