package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Block makes exactly these destinations unreachable, as harness.Gateway says.
// With nxdomain their names are not answered, and only what has no name is rejected
// by its address; a device that still knows an address may go on until it queries
// again, but not on a connection from before. The device's open TCP connections to
// what is blocked are reset once the new window is open, so that they are tried again
// at once. A kept destination, and a fault that it does not know, are errors, and then
// nothing has changed.
func (g *Gateway) Block(ctx context.Context, destinations []harness.Destination, fault harness.Fault) error {
	return g.BlockWith(ctx, destinations, fault, nil, nil)
}

func (g *Gateway) block(ctx context.Context, destinations []harness.Destination, fault harness.Fault, standIns map[harness.Destination]harness.StandIn, ways map[harness.Destination]harness.Way) error {
	for _, destination := range destinations {
		if destination.Protocol == harness.DNS {
			return fmt.Errorf("%s is a name without a port, which only placement dns blocks", destination)
		}
		if g.table.Kept(destination) {
			return fmt.Errorf("%s is kept, and cannot be blocked: take dns out of keep", destination)
		}
	}
	g.rows.add(destinations...)
	g.table.Settle(g.ledger.Window())
	if err := g.barrier.stopStandIns(); err != nil {
		return err
	}
	answering, err := g.barrier.startStandIns(ctx, g.addresses, standIns, ways)
	if err != nil {
		return err
	}
	if err := g.barrier.replace(destinations, fault, answering); err != nil {
		return err
	}
	if err := g.open(ctx, len(destinations) == 0); err != nil {
		return err
	}
	return g.barrier.reset()
}

// Know records what an earlier run saw of the device's destinations: a device may
// remember an address and never query DNS for it again. Addresses of a blocked
// destination are blocked when Know returns.
func (g *Gateway) Know(contacts []harness.Contact) error {
	for _, contact := range contacts {
		g.rows.add(contact.Destination)
	}
	if err := g.barrier.learn(func() attribution.Change { return g.table.Know(contacts) }); err != nil {
		return fmt.Errorf("using the addresses of an earlier run: %w", err)
	}
	return nil
}

// answered learns from a DNS answer, before the answer leaves.
func (b *barrier) answered(answer names.Answered) error {
	return b.learn(func() attribution.Change { return b.table.Answer(answer) })
}

// answer learns from a DNS answer that is about to leave, and returns when it may.
func (g *Gateway) answer(ctx context.Context, answer names.Answered) error {
	if err := g.barrier.answered(answer); err != nil {
		return err
	}
	g.barrier.resolved(answer.Query)
	if wait := g.table.Space(answer); wait > 0 {
		return span.Wait(ctx, wait)
	}
	return nil
}

// blocksQuery reports whether a query is for a name that must not be answered, or not as it is
// in the internet, and notes the attempt.
func (g *Gateway) blocksQuery(query names.Question, again bool) bool {
	destinations := slices.Concat(g.table.BlockedByName(query.Name), g.barrier.named(query.Name))
	slices.SortFunc(destinations, harness.Destination.Compare)
	destinations = slices.Compact(destinations)
	if len(destinations) > 0 && !again {
		g.ledger.AddBlockedQuery(destinations, query, time.Now())
	}
	return len(destinations) > 0
}

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
