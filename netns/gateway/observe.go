package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
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

// named gives contacts by a bare address the name that it turned out to belong
// to later in the window, as where a device had asked before the gateway came.
func (g *Gateway) named(contacts []harness.Contact) []harness.Contact {
	merged := map[harness.Destination]harness.Contact{}
	for _, contact := range contacts {
		if address, bare := contact.Destination.Address(); bare {
			contact.Destination.Name = g.nameFor(contact.Destination.Protocol, netip.AddrPortFrom(address, contact.Destination.Port))
		}
		if before, twice := merged[contact.Destination]; twice {
			contact = together(before, contact)
		}
		merged[contact.Destination] = contact
	}
	return slices.SortedFunc(maps.Values(merged), func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
}

// together adds up two contacts of one destination.
func together(a, b harness.Contact) harness.Contact {
	if b.First.Before(a.First) {
		a.First = b.First
	}
	if b.Last.After(a.Last) {
		a.Last = b.Last
	}
	a.Tries, a.Attempts, a.Touched = a.Tries+b.Tries, a.Attempts+b.Attempts, a.Touched+b.Touched
	a.Answered = a.Answered || b.Answered
	return a
}

// contacts are the window's, with all that is known of their addresses.
func (g *Gateway) contacts() []harness.Contact {
	contacts := g.named(g.ledger.Contacts())
	for i, contact := range contacts {
		contacts[i].Addresses = g.addressesFor(contact.Destination)
		contacts[i].Collateral = g.names.Sharing(contact.Destination.Name)
	}
	return contacts
}
