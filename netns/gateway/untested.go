package gateway

import (
	"fmt"
	"net/netip"
	"sync"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// mostUntested limits what is listed of a window. A device can make up any number of
// addresses; a person reads a few.
const mostUntested = 20

// untested is what the device sent in a window that no block tests. The zero value is
// an empty window: packets come before the first one is open.
type untested struct {
	mutex sync.Mutex
	seen  map[harness.Untested]int // without the number of packets
}

func (u *untested) add(what string, to netip.Addr, dropped bool) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if u.seen == nil {
		u.seen = map[harness.Untested]int{}
	}
	key := harness.Untested{What: what, To: to.Unmap(), Dropped: dropped}
	if _, known := u.seen[key]; known || len(u.seen) < mostUntested {
		u.seen[key]++
	}
}

func (u *untested) reset() {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	u.seen = nil
}

// list is what was seen, sorted.
func (u *untested) list() []harness.Untested {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	var all []harness.Untested
	for key, packets := range u.seen {
		key.Packets = packets
		all = append(all, key)
	}
	return harness.SumUntested(all)
}

// other records a packet of a protocol that is not tested. If it may pass, and what
// it is for is blocked, it goes round the block.
func (g *Gateway) other(p watch.Packet) {
	to := p.Destination.Addr().Unmap()
	passes := g.config.OtherProtocols && !g.barrier.confined()
	g.untested.add(p.Kind, to, !passes)
	if passes && g.table.BlockedAt(to) {
		g.doubts.add(fmt.Sprintf("the device sent %s to %s, which is blocked for other protocols: leave other_protocols out, so that it is dropped", p.Kind, to))
	}
}

// stray records a packet that was dropped because it is not certain whose it is: it
// came from another hardware address, or its source address is not in the device's
// network.
func (g *Gateway) stray(p watch.Packet) {
	switch to := p.Destination.Addr().Unmap(); {
	case g.config.MAC != nil && p.Hardware.String() != g.config.MAC.String():
		if g.config.Alone {
			g.doubts.stray(p)
		}
	case to.IsGlobalUnicast():
		g.untested.add(fmt.Sprintf("%s from %s", p.Kind, p.Source.Addr()), to, true)
	}
}
