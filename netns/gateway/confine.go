package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/names"
)

// confinement is a gateway that lets nothing through but what is open.
type confinement struct {
	open    []harness.Destination
	entries map[block.Entry]bool
}

// only is the chain that stands before all others while the device is confined.
const only = "NEEDWANT-ONLY"

// Confine lets the device reach these destinations, the home network and what is
// kept, and refuses all else that it sends out, also what nobody has ever seen
// it send. An address newly answered for an open name is opened before the
// answer leaves. [Gateway.Block] ends it.
func (g *Gateway) Confine(ctx context.Context, open []harness.Destination, fault harness.Fault) error {
	resolver := g.resolvers(open)
	changed, err := g.replace(resolver, fault)
	if err != nil {
		return err
	}
	if err := g.confine(open, fault); err != nil {
		return fmt.Errorf("refusing all but %d destinations: %w", len(open), err)
	}
	if err := block.Forget(g.config.Namespace, g.config.layout(), changed); err != nil {
		return err
	}
	return g.open(ctx)
}

// resolvers are the gateway's own, which no forwarded packet is for, where they
// are neither open nor kept.
func (g *Gateway) resolvers(open []harness.Destination) (refused []harness.Destination) {
	for _, protocol := range []string{"udp", "tcp"} {
		resolver := harness.Destination{Protocol: protocol, Port: names.Port, Name: resolverName}
		if !g.kept(resolver) && !slices.Contains(open, resolver) {
			refused = append(refused, resolver)
		}
	}
	return refused
}

func (g *Gateway) confine(open []harness.Destination, fault harness.Fault) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if err := g.release(); err != nil {
		return err
	}
	for _, family := range chains.Families() {
		if err := g.tables.Install(family, []chains.Chain{closed(g.config.layout(), family, fault)}); err != nil {
			return err
		}
	}
	g.confined = &confinement{open: slices.Clone(open), entries: map[block.Entry]bool{}}
	for _, destination := range open {
		if err := g.admit(g.entriesOf(destination, g.addressesFor(destination))); err != nil {
			return err
		}
	}
	return nil
}

// closed is the chain with nothing open. What a router says of a connection that
// is open, as that a packet is too big, comes from an address that is not.
func closed(layout chains.Layout, family chains.Family, fault harness.Fault) chains.Chain {
	return chains.Chain{Table: "filter", Name: only, Hooks: append(layout.Forwarded(family), questions(layout)...),
		Rules: slices.Concat(layout.SparedOut(family), layout.SparedBack(family), []chains.Rule{
			chains.Rulef("-i %s -m conntrack --ctstate RELATED -j RETURN", layout.Uplink),
			chains.Rulef("-i %s -j %s", layout.Inside, block.Target(fault)),
			chains.Rulef("-i %s -o %s -j %s", layout.Uplink, layout.Inside, block.Target(harness.Drop)),
		})}
}

// admit opens more entries.
func (g *Gateway) admit(entries []block.Entry) error {
	layout := g.config.layout()
	for _, e := range entries {
		if g.confined.entries[e] {
			continue
		}
		for _, rule := range []chains.Rule{
			chains.Rulef("-i %s -d %s -p %s --dport %d -j RETURN", layout.Inside, e.Address, e.Protocol, e.Port),
			chains.Rulef("-i %s -s %s -p %s --sport %d -j RETURN", layout.Uplink, e.Address, e.Protocol, e.Port),
		} {
			if err := g.tables.Insert(chains.FamilyOf(e.Address), "filter", only, rule); err != nil {
				return err
			}
		}
		g.confined.entries[e] = true
	}
	return nil
}

// admitName opens what was newly answered for a name, where it is open.
func (g *Gateway) admitName(name string, added []netip.Addr) error {
	if g.confined == nil {
		return nil
	}
	for _, destination := range g.confined.open {
		if destination.Name != names.Canonical(name) {
			continue
		}
		if err := g.admit(g.entriesOf(destination, added)); err != nil {
			return fmt.Errorf("opening a new address of %s: %w", name, err)
		}
	}
	return nil
}

func (g *Gateway) unconfine() error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.release()
}

// release ends a confinement, where there is one.
func (g *Gateway) release() error {
	if g.confined == nil {
		return nil
	}
	var errs []error
	for _, family := range chains.Families() {
		errs = append(errs, g.tables.Remove(family, []chains.Chain{closed(g.config.layout(), family, harness.Reject)}))
	}
	g.confined = nil
	return errors.Join(errs...)
}
