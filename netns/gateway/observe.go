package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// logPatience is how long the packet log may take to catch up. It takes
// milliseconds; a log whose rules are gone never answers.
const logPatience = 3 * time.Second

// open begins a new window, behind every packet that passed so far.
func (g *Gateway) open(ctx context.Context) error {
	if err := g.catchUp(ctx); err != nil {
		return err
	}
	g.reset()
	g.ledger.Open()
	g.window = window{since: time.Now(), lost: g.log.Lost()}
	return watch.CountAnew(g.config.Namespace, g.config.layout())
}

func (g *Gateway) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	return g.log.Fence(ctx)
}

// Observe returns what was seen since the last Block, and whether the block held
// all along: it looks at the kernel's rules and sets once more.
func (g *Gateway) Observe(ctx context.Context) (harness.Observation, error) {
	broken, err := g.inspect()
	if err != nil {
		return harness.Observation{}, err
	}
	if err := g.catchUp(ctx); err != nil && broken == "" {
		return harness.Observation{}, err
	}
	contacts := g.contacts()
	return harness.Observation{
		Since:    g.window.since,
		Contacts: contacts,
		Doubts:   g.doubtful(contacts),
		Home:     g.home(),
		Lost:     g.log.Lost() - g.window.lost,
		Broken:   broken,
	}, nil
}

// inspect says what is wrong with the block.
func (g *Gateway) inspect() (broken string, err error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.trouble != nil {
		return fmt.Sprintf("a new address could not be blocked: %v", g.trouble), nil
	}
	if g.pulse != nil {
		if missed := g.pulse.Missed(g.window.since); missed != "" {
			return missed, nil
		}
	}
	broken, err = g.driver.Check()
	if err != nil {
		return "", fmt.Errorf("checking the block: %w", err)
	}
	return broken, nil
}

// home lists whom in the home network the device called in vain.
func (g *Gateway) home() []string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return slices.Sorted(maps.Keys(g.doubts.home))
}

// contacts are the window's, with all that is known of their addresses.
func (g *Gateway) contacts() []harness.Contact {
	contacts := g.ledger.Contacts()
	for i, contact := range contacts {
		d := contact.Destination
		contacts[i].Addresses = g.addressesFor(d)
		contacts[i].Collateral = g.collateral(d)
		contacts[i].Named = g.named(d)
		contacts[i].Private = names.Private(d.Protocol, d.Port, d.Name, contacts[i].Addresses)
	}
	return contacts
}

// collateral lists the other names at the places of a destination, which a block
// of the addresses hits too.
func (g *Gateway) collateral(d harness.Destination) (others []string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, address := range g.names.Addresses(d.Name) {
		place := watch.Place{Protocol: d.Protocol, AddrPort: netip.AddrPortFrom(address, d.Port)}
		others = union(others, g.notElsewhere(place, g.names.Names(address)))
	}
	return slices.DeleteFunc(others, func(name string) bool { return name == d.Name })
}

// named tells how the name of a destination is known.
func (g *Gateway) named(d harness.Destination) string {
	switch {
	case d.Host() == "" || d.Name == resolverName:
		return ""
	case g.names.OnlyHeard(d.Name):
		return "tls"
	}
	return "dns"
}
