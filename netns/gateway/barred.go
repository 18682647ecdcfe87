package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// barred is what is blocked now: by address, or by name.
type barred struct {
	byAddress []harness.Destination
	owners    map[block.Entry][]harness.Destination // of what is blocked by address
	byName    map[string][]harness.Destination      // whose name is withheld
}

// Block makes exactly these destinations unreachable, as harness.Gateway says.
// With nxdomain their names are withheld, and only what has no name is rejected
// by its address; a device that still knows an address may go on until it asks
// again, but not on a connection from before. A kept destination, and a fault
// that it does not know, are errors, and then nothing has changed.
func (g *Gateway) Block(ctx context.Context, destinations []harness.Destination, fault harness.Fault) error {
	for _, destination := range destinations {
		if g.kept(destination) {
			return fmt.Errorf("%s is kept, and cannot be blocked: take dns out of keep", destination)
		}
	}
	g.settleNames()
	changed, err := g.replace(destinations, fault)
	if err != nil {
		return err
	}
	if err := g.unconfine(); err != nil {
		return err
	}
	if err := block.Forget(g.config.Namespace, g.config.layout(), changed); err != nil {
		return err
	}
	return g.open(ctx)
}

// replace changes the block, and returns the entries of before and after, whose
// connections are to be forgotten. In shared tables those that are blocked now
// are not: what still arrives on a connection that is forgotten is taken for the
// machine's own, which would refuse it, and so send a packet to a destination
// that must get none.
func (g *Gateway) replace(destinations []harness.Destination, fault harness.Fault) (changed []block.Entry, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	next := barred{owners: map[block.Entry][]harness.Destination{}, byName: map[string][]harness.Destination{}}
	for _, destination := range destinations {
		if fault == harness.NXDomain && g.withholdable(destination) {
			next.byName[destination.Name] = append(next.byName[destination.Name], destination)
			continue
		}
		next.byAddress = append(next.byAddress, destination)
		for _, entry := range g.entriesOf(destination, g.addressesFor(destination)) {
			next.owners[entry] = append(next.owners[entry], destination)
			g.shown[placeOf(entry)] = destination.Name
		}
	}
	if fault == harness.NXDomain {
		fault = harness.Reject
	}
	var entries []block.Entry
	for entry := range next.owners {
		entries = append(entries, entry)
	}
	if err := g.driver.Replace(entries, fault); err != nil {
		return nil, err
	}
	changed = append(g.entries(g.barred), g.entries(next)...)
	if g.config.Shared {
		changed = slices.DeleteFunc(changed, func(entry block.Entry) bool { return len(next.owners[entry]) > 0 })
	}
	g.barred, g.trouble = next, nil
	return changed, nil
}

// withholdable tells whether a destination can be blocked by its name: one that
// the device asks for.
func (g *Gateway) withholdable(d harness.Destination) bool {
	return d.Host() != "" && d.Name != resolverName && !g.names.OnlyHeard(d.Name)
}

// entries are the addresses and ports of all that is blocked, in whatever way.
// An address that an open name has too is not among those of a name that is
// withheld: its connections may be the other's.
func (g *Gateway) entries(b barred) (entries []block.Entry) {
	for entry := range b.owners {
		entries = append(entries, entry)
	}
	open := func(name string) bool { return len(b.byName[name]) == 0 }
	for _, destinations := range b.byName {
		for _, destination := range destinations {
			alone := slices.DeleteFunc(g.addressesFor(destination), func(address netip.Addr) bool {
				return slices.ContainsFunc(g.names.Names(address), open)
			})
			entries = append(entries, g.entriesOf(destination, alone)...)
		}
	}
	return entries
}

func (g *Gateway) entriesOf(d harness.Destination, addresses []netip.Addr) (entries []block.Entry) {
	port := d.Port
	if d.Name == resolverName {
		port = g.config.resolverPort()
	}
	for _, address := range addresses {
		entries = append(entries, block.Entry{Address: address, Protocol: d.Protocol, Port: port})
	}
	return entries
}

func placeOf(e block.Entry) watch.Place {
	return watch.Place{Protocol: e.Protocol, AddrPort: netip.AddrPortFrom(e.Address, e.Port)}
}

// Learn says that a name has these addresses. Where a blocked destination has
// this name they are blocked when Learn returns. The gateway's resolver calls
// it; a resumed run may, with what an earlier one saw.
func (g *Gateway) Learn(name string, addresses []netip.Addr) error {
	entries, err := g.learn(name, addresses)
	if err != nil || g.config.Shared { // see replace
		return err
	}
	return block.Forget(g.config.Namespace, g.config.layout(), entries)
}

func (g *Gateway) learn(name string, addresses []netip.Addr) (entries []block.Entry, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	added := g.names.Learn(name, addresses)
	if len(added) == 0 {
		return nil, nil
	}
	if err := g.admitName(name, added); err != nil {
		return nil, err
	}
	for _, destination := range g.barred.byAddress {
		if destination.Name != names.Canonical(name) {
			continue
		}
		for _, entry := range g.entriesOf(destination, added) {
			entries = append(entries, entry)
			g.barred.owners[entry] = append(g.barred.owners[entry], destination)
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return entries, g.driver.Add(entries)
}

// hear learns what an answer says, before the answer leaves.
func (g *Gateway) hear(answer names.Answered) error {
	g.names.Alias(answer.Name, answer.Aliases)
	if len(answer.Addresses) > 0 {
		g.names.Answer(answer.Name)
	}
	for _, name := range g.names.Meant(answer.Name) {
		if err := g.Learn(name, answer.Addresses); err != nil {
			return err
		}
	}
	return nil
}

// withheld tells whether a question is about a name that is withheld, and notes
// the attempt.
func (g *Gateway) withheld(question names.Question, again bool) bool {
	g.mutex.Lock()
	var destinations []harness.Destination
	for _, name := range append(g.names.Meant(question.Name), question.Name) {
		destinations = append(destinations, g.barred.byName[name]...)
	}
	g.mutex.Unlock()
	if len(destinations) == 0 {
		return false
	}
	slices.SortFunc(destinations, harness.Destination.Compare)
	if !again {
		g.ledger.Withhold(slices.Compact(destinations), question, time.Now())
	}
	return true
}

// note takes every logged packet.
func (g *Gateway) note(p watch.Packet) {
	var err error
	switch p.Point {
	case watch.Answer:
		err = g.hear(names.Overheard(p.Protocol, p.Payload))
	case watch.Hello:
		err = g.listen(p)
	case watch.Stray:
		g.stray(p)
	case watch.Home:
		g.keptFrom(p)
	default:
		g.ledger.Note(p)
		if p.Point == watch.Outward && p.SYN {
			err = g.listen(p)
		}
	}
	if err != nil {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.trouble = err
	}
}
