package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/capture"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// logPatience is how long the packet log may stand still. To catch up takes
// milliseconds; after a flood it takes seconds, and logLimit at most. A log whose rules
// are gone never answers.
const (
	logPatience = 3 * time.Second
	logLimit    = 30 * time.Second
)

// open begins a new window, behind every packet that passed so far. Free says that
// nothing is blocked in it.
func (g *Gateway) open(ctx context.Context, free bool) error {
	if err := catchUp(ctx, g.log); err != nil {
		return err
	}
	g.doubts.reset(g.table.Contacts(g.ledger.Window()), free)
	g.untested.reset()
	g.ledger.Open()
	if err := g.changes.Open(); err != nil {
		return err
	}
	g.window = window{since: time.Now(), lost: g.log.Lost()}
	return g.barrier.tracked.CountAnew(g.config.layout().Mark())
}

// catchUp waits until the log has every packet that passed so far.
func catchUp(ctx context.Context, log *watch.Log) error {
	ctx, cancel := context.WithTimeout(ctx, logLimit)
	defer cancel()
	return log.Fence(ctx, logPatience)
}

// contacts are those of a window.
type contacts struct {
	judged []harness.Contact
	always []harness.Contact  // with destinations that are always blocked
	free   []harness.Contact  // not on the blocklist, if only its names are judged
	left   []harness.Untested // what there are too many of to judge
}

// sort divides the contacts of the window.
func (g *Gateway) sort() (c contacts) {
	c.judged = []harness.Contact{}
	for _, contact := range g.table.Contacts(g.ledger.Window()) {
		if g.table.Always(contact) {
			c.always = append(c.always, contact)
			continue
		}
		c.judged = append(c.judged, contact)
	}
	c.judged, c.free = harness.OnList(c.judged, g.config.Only)
	c.judged, c.left = g.rows.admit(c.judged)
	return c
}

// Observe returns what was seen since the last Block, and whether the block held
// all along: it looks at the kernel's rules and sets once more.
func (g *Gateway) Observe(ctx context.Context) (harness.Observation, error) {
	if err := g.forwarder.Failure(); err != nil {
		return harness.Observation{}, err
	}
	broken, err := g.barrier.inspect(g.window.since)
	if err != nil {
		return harness.Observation{}, err
	}
	if err := catchUp(ctx, g.log); err != nil && broken == "" {
		return harness.Observation{}, err
	}
	disturbed, err := g.disturbed(ctx)
	if err != nil {
		return harness.Observation{}, err
	}
	stoodIn, err := g.barrier.stoodIn(g.ledger.Window())
	if err != nil {
		return harness.Observation{}, err
	}
	contacts := g.sort()
	untested := harness.SumUntested(slices.Concat(g.untested.list(), contacts.left))
	late, silent := g.forwarder.Silent(g.window.since)
	return harness.Observation{
		Since:     g.window.since,
		Contacts:  contacts.judged,
		Always:    contacts.always,
		Free:      len(contacts.free),
		Sinkholes: g.table.Sinkholes(),
		Doubts:    g.doubts.of(slices.Concat(contacts.judged, contacts.free)),
		Home:      g.doubts.homeHosts(),
		Untested:  untested[:min(len(untested), mostUntested)],
		Lost:      g.log.Lost() - g.window.lost,
		StoodIn:   stoodIn,
		AsksTime:  g.config.Leases != nil && g.config.Leases.AsksTime(),
		Disturbed: disturbed,
		Late:      late,
		Silent:    silent,
		Broken:    broken,
	}, nil
}

// disturbed says what happened in the window that the gateway did not do: to its
// network, or to its block, of which only packets show that it was away for a
// moment.
func (g *Gateway) disturbed(ctx context.Context) (string, error) {
	if said, err := g.changes.Said(); said != "" || err != nil {
		return said, err
	}
	var leak string
	for range leakLooks {
		if leak = g.barrier.leak(g.ledger.Window()); leak == "" {
			return "", nil
		}
		if err := catchUp(ctx, g.log); err != nil {
			return leak, nil //nolint:nilerr // a packet got past the block, and that is enough
		}
	}
	return leak, nil
}

// leakLooks is how often a leak must show. A packet that is on its way is logged
// before the block, and not yet at it.
const leakLooks = 3

// Capture lets a file have what passes between the device and the gateway, under
// a name for the link. Secrets are blanked.
func (g *Gateway) Capture(file *capture.File, name string, secrets [][]byte) (*capture.Tap, error) {
	return file.Open(capture.Link{Namespace: g.config.Namespace, Name: g.config.Inside, MAC: g.config.MAC, Secrets: secrets}, name)
}
