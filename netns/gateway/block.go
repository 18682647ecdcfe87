package gateway

import (
	"context"
	"fmt"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
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
