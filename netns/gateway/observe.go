package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/needwant/needwant/harness"
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
	return harness.Observation{
		Since:    g.window.since,
		Contacts: g.contacts(),
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

// contacts are the window's, with all that is known of their addresses.
func (g *Gateway) contacts() []harness.Contact {
	contacts := g.ledger.Contacts()
	for i, contact := range contacts {
		contacts[i].Addresses = g.addressesFor(contact.Destination)
		contacts[i].Collateral = g.names.Sharing(contact.Destination.Name)
	}
	return contacts
}
