package lab

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cable is where those wait who act when the device's link comes up again.
type cable struct {
	mu sync.Mutex
	up chan struct{} // closed when it does
}

func newCable() *cable { return &cable{up: make(chan struct{})} }

// next is closed when the link comes up the next time.
func (c *cable) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

func (c *cable) comeUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.up)
	c.up = make(chan struct{})
}

// cableLooks is how often the device looks at its link in one of the tempo's contacts.
const cableLooks = 8

// watchLink waits for the device's link to come up again, each time, until ctx ends.
func (l *life) watchLink(ctx context.Context) {
	for had := true; ctx.Err() == nil; rest(ctx, l.world.Tempo.Contact/cableLooks) {
		link, err := l.namespace.Netlink().LinkByName(deviceLink)
		carrier := err == nil && link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		if carrier && !had {
			l.cable.comeUp()
		}
		had = carrier
	}
}

// restOr waits, or comes back at once when ctx ends, or when the link comes up for a destination that is
// contacted then.
func (l *life) restOr(ctx context.Context, id string, up <-chan struct{}, d time.Duration) {
	if !l.world.Destinations[id].OnLink {
		rest(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-up:
	case <-ctx.Done():
	}
}

// actsOnLink reports whether anything is contacted when the device's link comes up.
func (w World) actsOnLink() bool {
	for _, d := range w.Destinations {
		if d.OnLink {
			return true
		}
	}
	return false
}
