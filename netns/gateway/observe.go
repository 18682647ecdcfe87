package gateway

import (
	"context"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// logPatience is how long the packet log may take to catch up. It takes
// milliseconds; a log whose rules are gone never answers.
const logPatience = 3 * time.Second

// open begins a new window, behind every packet that passed so far. Free says that
// nothing is blocked in it.
func (g *Gateway) open(ctx context.Context, free bool) error {
	if err := g.catchUp(ctx); err != nil {
		return err
	}
	g.doubts.reset(g.table.Contacts(g.ledger.Window()), free)
	g.untested.reset()
	g.ledger.Open()
	g.window = window{since: time.Now(), lost: g.log.Lost()}
	return watch.CountAnew(g.config.Namespace, g.config.layout())
}

func (g *Gateway) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	return g.log.Fence(ctx)
}

// contacts are those of the window: those to judge, and those with destinations
// that are always blocked.
func (g *Gateway) contacts() (judged, always []harness.Contact) {
	judged = []harness.Contact{}
	for _, contact := range g.table.Contacts(g.ledger.Window()) {
		if g.table.Always(contact) {
			always = append(always, contact)
			continue
		}
		judged = append(judged, contact)
	}
	return judged, always
}

// Observe returns what was seen since the last Block, and whether the block held
// all along: it looks at the kernel's rules and sets once more.
func (g *Gateway) Observe(ctx context.Context) (harness.Observation, error) {
	broken, err := g.barrier.inspect(g.window.since)
	if err != nil {
		return harness.Observation{}, err
	}
	if err := g.catchUp(ctx); err != nil && broken == "" {
		return harness.Observation{}, err
	}
	contacts, always := g.contacts()
	return harness.Observation{
		Since:     g.window.since,
		Contacts:  contacts,
		Always:    always,
		Sinkholes: g.table.Sinkholes(),
		Doubts:    g.doubts.of(contacts),
		Home:      g.doubts.homeHosts(),
		Untested:  g.untested.list(),
		Lost:      g.log.Lost() - g.window.lost,
		Broken:    broken,
	}, nil
}
