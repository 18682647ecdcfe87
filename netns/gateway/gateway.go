package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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
	hellos    *names.Hellos // used by the log's reader alone
	others    *watch.Routers

	// mutex makes learning an address and blocking it one step.
	mutex   sync.Mutex
	barred  barred
	idle    bool // nothing is blocked
	doubts  doubts
	routers map[netip.Addr]watch.Router
	served  map[netip.Addr][]service
	shown   map[watch.Place]string // the name that stands for all that share a place
	trouble error                  // an address that was learnt and could not be blocked

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
	g := &Gateway{config: config, names: names.NewTable(), hellos: names.NewHellos(), idle: true,
		doubts:  doubts{bare: map[netip.Addr]bool{}, home: map[string]bool{}},
		routers: map[netip.Addr]watch.Router{}, served: map[netip.Addr][]service{}, shown: map[watch.Place]string{},
	}
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
	if err := g.isolate(); err != nil {
		return err
	}
	if g.driver, err = block.Open(g.config.Driver, namespace, g.tables, g.config.layout()); err != nil {
		return err
	}
	if err := errors.Join(g.install(), apply(namespace, g.config.parameters())); err != nil {
		return err
	}
	if err := g.catchQuestions(); err != nil {
		return err
	}
	if g.others, err = watch.OpenRouters(namespace, g.config.Inside, g.router); err != nil {
		return err
	}
	g.forwarder, err = names.Forward(ctx, namespace, names.Config{
		Link: g.config.Inside, Port: g.config.resolverPort(), Own: g.addresses.own, Upstream: g.config.Upstream,
		Learn: g.hear, Withheld: g.withheld,
	})
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
	if g.others != nil {
		err = errors.Join(err, g.others.Close())
	}
	if g.log != nil {
		err = errors.Join(err, g.log.Close())
	}
	return err
}
