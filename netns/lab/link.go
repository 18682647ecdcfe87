package lab

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bell is where those wait who act when something happens to the device: its link comes up again, or it gets a new lease.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed when it does
}

func newBell() *bell { return &bell{rung: make(chan struct{})} }

// next is closed when that happens the next time.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.rung)
	b.rung = make(chan struct{})
}

// moments are when a destination is contacted besides its own times; a nil channel never comes.
type moments struct{ linked, leased <-chan struct{} }

// moments are the next ones.
func (l *life) moments(id string) moments {
	d := l.world.Destinations[id]
	var next moments
	if d.OnLink {
		next.linked = l.linked.next()
	}
	if d.OnLease {
		next.leased = l.leased.next()
	}
	return next
}

// cableLooks is how often the device looks at its link in one of the tempo's contacts.
const cableLooks = 8

// watchLink waits for the device's link to come up again, each time, until ctx ends.
func (l *life) watchLink(ctx context.Context) {
	for had := true; ctx.Err() == nil; rest(ctx, l.world.Tempo.Contact/cableLooks) {
		link, err := l.namespace.Netlink().LinkByName(deviceLink)
		carrier := err == nil && link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		if carrier && !had {
			l.linked.ring()
		}
		had = carrier
	}
}

// restUntil waits, or comes back at once when ctx ends, or one of the moments comes.
func restUntil(ctx context.Context, next moments, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-next.linked:
	case <-next.leased:
	case <-ctx.Done():
	}
}

// acts reports whether any destination has a property.
func (w World) acts(has func(Destination) bool) bool {
	for _, d := range w.Destinations {
		if has(d) {
			return true
		}
	}
	return false
}
