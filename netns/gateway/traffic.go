package gateway

import (
	"net/netip"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/conntrack"
	"github.com/needwant/needwant/netns/gateway/talk"
)

// Traffic adds up what passes between a device and its destinations, from one
// look at the kernel's connections to the next. A connection that came and went
// between two looks is missed; the kernel remembers most of them for 10 s and
// longer.
type Traffic struct {
	tracked *conntrack.Table
	before  []talk.Flow
	remotes map[remote]talk.Count
}

type remote struct {
	protocol string
	netip.AddrPort
}

// Traffic begins to count.
func (g *Gateway) Traffic() *Traffic {
	return &Traffic{tracked: g.barrier.tracked, remotes: map[remote]talk.Count{}}
}

// Flows lists the connections that the gateway tracks, of those that want accepts.
func (t *Traffic) Flows(want func(talk.Flow) bool) ([]talk.Flow, error) {
	return talk.Flows(t.tracked, want)
}

// mostRemotes limits the addresses and ports whose traffic is added up.
const mostRemotes = 65536

func (t *Traffic) add(at remote, flow talk.Flow) {
	sum, known := t.remotes[at]
	if !known && len(t.remotes) >= mostRemotes {
		return
	}
	sum.Packets += flow.Sent.Packets + flow.Received.Packets
	sum.Bytes += flow.Sent.Bytes + flow.Received.Bytes
	t.remotes[at] = sum
}

// Look returns what passed so far, in either direction, by destination. What two
// of them share, as an address and port, counts for each.
func (t *Traffic) Look(contacts []harness.Contact) (map[harness.Destination]talk.Count, error) {
	now, err := t.Flows(func(talk.Flow) bool { return true })
	if err != nil {
		return nil, err
	}
	for _, flow := range talk.Since(t.before, now) {
		at := remote{flow.Protocol, flow.Remote}
		t.add(at, flow)
		if everyPort := (remote{flow.Protocol, netip.AddrPortFrom(flow.Remote.Addr(), 0)}); everyPort != at {
			t.add(everyPort, flow)
		}
	}
	t.before = now
	passed := map[harness.Destination]talk.Count{}
	for _, contact := range contacts {
		d := contact.Destination
		for _, address := range contact.Addresses {
			sum := t.remotes[remote{d.Protocol, netip.AddrPortFrom(address, d.Port)}]
			all := passed[d]
			passed[d] = talk.Count{Packets: all.Packets + sum.Packets, Bytes: all.Bytes + sum.Bytes}
		}
	}
	return passed, nil
}
