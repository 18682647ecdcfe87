package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Gateway stands between one device and the internet. It implements
// harness.Gateway: Block and Observe are for one goroutine at a time.
type Gateway struct {
	config    Config
	addresses addresses
	tables    *chains.Tables
	log       *watch.Log
	ledger    *watch.Ledger
	driver    block.Driver
	pulse     *block.Pulse // nil where the tables are ours alone
	names     *names.Table
	forwarder *names.Forwarder
	window    window

	// mutex makes learning an address and blocking it one step.
	mutex   sync.Mutex
	blocked []harness.Destination
	owners  map[block.Entry]harness.Destination // of what is blocked now
	trouble error                               // an address that was learnt and could not be blocked

	confined *confinement // nil where all is open but what is blocked
}

// window is what Observe compares with.
type window struct {
	since time.Time
	lost  int
}

// New makes the namespace a gateway, with nothing blocked. On failure the
// namespace is left half furnished, to be closed by its owner.
func New(ctx context.Context, config Config) (*Gateway, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	g := &Gateway{config: config, names: names.NewTable(), owners: map[block.Entry]harness.Destination{}}
	if err := g.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("making a gateway: %w", err), g.Close())
	}
	return g, nil
}

func (g *Gateway) build(ctx context.Context) (err error) {
	namespace := g.config.Namespace
	if g.addresses, err = addressesOf(g.config); err != nil {
		return err
	}
	g.ledger = watch.NewLedger(g.addresses.insideIndex, g.attribute)
	if g.log, err = watch.Open(ctx, namespace, g.note); err != nil {
		return err
	}
	if g.config.Shared {
		if g.pulse, err = block.StartPulse(namespace, g.config.Address); err != nil {
			return err
		}
	}
	if g.tables, err = chains.Open(namespace); err != nil {
		return err
	}
	if g.driver, err = block.Open(g.config.Driver, namespace, g.tables, g.config.layout()); err != nil {
		return err
	}
	if err := errors.Join(g.install(), apply(namespace, g.config.parameters())); err != nil {
		return err
	}
	g.forwarder, err = names.Forward(ctx, namespace, g.config.resolvers(g.addresses.inside), g.config.Upstream, g.Learn)
	if err != nil {
		return err
	}
	if err := g.redirect(); err != nil {
		return err
	}
	return g.Block(ctx, nil, harness.Reject)
}

// Close stops the resolver and the log. The rules, and with them the block, live
// as long as the namespace; in shared tables they have no force from now on.
func (g *Gateway) Close() (err error) {
	if g.pulse != nil {
		err = g.pulse.Stop()
	}
	if g.forwarder != nil {
		err = errors.Join(err, g.forwarder.Close())
	}
	if g.log != nil {
		err = errors.Join(err, g.log.Close())
	}
	return err
}

// Block makes exactly these destinations unreachable, as harness.Gateway says,
// for reject and drop. A kept destination, and a fault that it does not know,
// are errors, and then nothing has changed.
func (g *Gateway) Block(ctx context.Context, destinations []harness.Destination, fault harness.Fault) error {
	for _, destination := range destinations {
		if g.kept(destination) {
			return fmt.Errorf("%s is kept, and cannot be blocked: take dns out of keep", destination)
		}
	}
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

// replace hands the driver the entries of the destinations, and returns those
// of before and after, whose connections are to be forgotten. In shared tables
// those that are blocked now are not: what still arrives on a connection that is
// forgotten is taken for the machine's own, which would refuse it, and so send a
// packet to a destination that must get none.
func (g *Gateway) replace(destinations []harness.Destination, fault harness.Fault) (changed []block.Entry, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	owners := map[block.Entry]harness.Destination{}
	var entries []block.Entry
	for _, destination := range destinations {
		for _, entry := range g.entriesOf(destination, g.addressesFor(destination)) {
			if _, shared := owners[entry]; !shared {
				owners[entry] = destination
				entries = append(entries, entry)
			}
		}
	}
	if err := g.driver.Replace(entries, fault); err != nil {
		return nil, err
	}
	for entry := range g.owners {
		if _, still := owners[entry]; !still || !g.config.Shared {
			changed = append(changed, entry)
		}
	}
	g.blocked, g.owners, g.trouble = slices.Clone(destinations), owners, nil
	if g.config.Shared {
		return changed, nil
	}
	return append(changed, entries...), nil
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
	for _, destination := range g.blocked {
		if destination.Name != names.Canonical(name) {
			continue
		}
		for _, entry := range g.entriesOf(destination, added) {
			entries = append(entries, entry)
			if _, shared := g.owners[entry]; !shared {
				g.owners[entry] = destination
			}
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return entries, g.driver.Add(entries)
}

// note takes every logged packet.
func (g *Gateway) note(p watch.Packet) {
	if p.Point != watch.Answer {
		g.ledger.Note(p)
		return
	}
	name, addresses := names.Overheard(p.Protocol, p.Payload)
	if err := g.Learn(name, addresses); err != nil {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.trouble = err
	}
}
