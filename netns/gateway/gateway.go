package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Gateway stands between one device and the internet. It implements
// harness.Gateway: Block and Observe are for one goroutine at a time.
type Gateway struct {
	timeOffer // harness.LeaseGateway

	config    Config
	addresses addresses
	log       *watch.Log
	ledger    *watch.Ledger
	hellos    *names.Hellos // used by the log's reader alone
	table     *attribution.Table
	barrier   barrier
	doubts    *doubts
	untested  untested
	rows      rows
	forwarder *names.Forwarder
	routers   *watch.Routers
	changes   *watch.Changes
	window    window
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
	g := unbuilt(config)
	if err := g.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("making a gateway: %w", err), g.Close())
	}
	return g, nil
}

func unbuilt(config Config) *Gateway {
	g := &Gateway{config: config, hellos: names.NewHellos(), doubts: newDoubts(), rows: rows{}}
	g.barrier.config = config
	return g
}

// study makes what takes the packets that are logged.
func (g *Gateway) study() {
	g.table = attribution.New(g.config.attribution(g.addresses))
	g.barrier.table = g.table
	g.ledger = watch.NewLedger(g.addresses.insideIndex, names.Port, names.PrivatePort, g.config.resolverPort())
}

func (g *Gateway) build(ctx context.Context) (err error) {
	namespace := g.config.Namespace
	if g.addresses, err = addressesOf(g.config); err != nil {
		return err
	}
	g.timeOffer = g.config.timeOffer(g.addresses)
	g.study()
	if g.log, err = watch.Open(ctx, namespace, g.note); err != nil {
		return err
	}
	if g.config.Shared {
		if g.barrier.pulse, err = block.StartPulse(namespace); err != nil {
			return err
		}
	}
	if g.barrier.tables, err = chains.Open(namespace); err != nil {
		return err
	}
	if err := g.barrier.isolate(g.addresses); err != nil {
		return err
	}
	if g.barrier.driver, err = block.Open(g.config.Driver, namespace, g.barrier.tables, g.config.layout()); err != nil {
		return err
	}
	if err := errors.Join(g.install(), apply(namespace, g.config.parameters())); err != nil {
		return err
	}
	if err := g.config.catchQuestions(); err != nil {
		return err
	}
	if g.routers, err = watch.OpenRouters(namespace, g.config.Inside, g.doubts.router); err != nil {
		return err
	}
	g.forwarder, err = names.Forward(ctx, namespace, names.Config{
		Link: g.config.Inside, MAC: g.config.MAC, From: g.config.only(), Port: g.config.resolverPort(), Own: g.addresses.own, Upstream: g.config.Upstream,
		Learn: g.answer, Blocked: g.blocksQuery, Instead: g.instead,
	})
	if err != nil {
		return err
	}
	if g.barrier.tracked, err = g.config.follow(); err != nil {
		return err
	}
	if err := g.barrier.redirect(g.addresses); err != nil {
		return err
	}
	if g.changes, err = watch.OpenChanges(namespace, g.config.layout()); err != nil {
		return err
	}
	return g.Block(ctx, nil, harness.Reject)
}

// follow opens what connection tracking knows. In shared tables that is connections of
// others, too, which are not followed.
func (c Config) follow() (*conntrack.Table, error) {
	if c.Shared {
		return conntrack.Open(c.Namespace)
	}
	return conntrack.Follow(c.Namespace)
}

// Close stops the resolver and the log. The rules, and with them the block, live
// as long as the namespace; in shared tables they have no force from now on.
func (g *Gateway) Close() (err error) {
	if g.barrier.pulse != nil {
		err = g.barrier.pulse.Stop()
	}
	if g.forwarder != nil {
		err = errors.Join(err, g.forwarder.Close())
	}
	err = errors.Join(err, g.barrier.stopStandIns())
	if g.changes != nil {
		err = errors.Join(err, g.changes.Close())
	}
	if g.routers != nil {
		err = errors.Join(err, g.routers.Close())
	}
	if g.log != nil {
		err = errors.Join(err, g.log.Close())
	}
	if g.barrier.tracked != nil {
		err = errors.Join(err, g.barrier.tracked.Close())
	}
	return err
}
