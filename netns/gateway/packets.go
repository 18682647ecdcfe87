package gateway

import (
	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// note takes every logged packet.
func (g *Gateway) note(p watch.Packet) {
	switch p.Point {
	case watch.Answer:
		_ = g.barrier.answered(names.Overheard(p.Protocol, p.Payload)) // the barrier keeps the error
	case watch.Hello:
		g.handshake(p)
	case watch.Stray:
		g.stray(p)
	case watch.Other:
		g.other(p)
	case watch.Home:
		g.doubts.keptFrom(p)
	default:
		if !g.ledger.Note(p) && p.Point == watch.Outward {
			left := leftOut(p.Protocol, p.Destination.Addr())
			g.untested.add(left.What, left.To, left.Dropped)
		}
		g.follow(p)
		g.barrier.clocks.hear(p)
	}
}

// follow tells the table, in the order in which packets passed, what the device
// learnt and contacted.
func (g *Gateway) follow(p watch.Packet) {
	switch {
	case p.Point == watch.Inward && p.Protocol == harness.UDP && p.Source.Port() == g.config.resolverPort():
		if query := names.QueriedIn(p.Payload); query != "" {
			g.table.Delivered(query)
		}
	case p.Point == watch.Outward && (p.SYN || p.Protocol != harness.TCP):
		g.table.Began(watch.Place{Protocol: p.Protocol, AddrPort: p.Destination})
		if p.SYN {
			g.handshake(p)
		}
	}
}

// handshake reads the SNI from the packets that begin a TCP connection.
func (g *Gateway) handshake(p watch.Packet) {
	stream := names.Stream{From: p.Source, To: p.Destination}
	if p.SYN {
		g.hellos.Begin(stream, p.Sequence)
		return
	}
	name := g.hellos.Add(stream, p.Sequence, p.Payload)
	if name == "" {
		return
	}
	_ = g.barrier.learn(func() attribution.Change { // it keeps the error
		place := watch.Place{Protocol: p.Protocol, AddrPort: p.Destination}
		change, doubt := g.table.SNI(place, name)
		if !g.barrier.standsInFor(place) { // whose connections are begun, and end here
			g.doubts.add(doubt)
		}
		return change
	})
}
