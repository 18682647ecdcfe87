package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/names"
)

// only is the chain that stands before all others while the device is confined.
const only = "NEEDWANT-ONLY"

// Confine lets the device reach these destinations, the home network and what is
// kept, and refuses all else that it sends out, also what nobody has ever seen
// it send. An address newly answered for an open name is opened before the
// answer leaves. [Gateway.Block] ends it.
func (g *Gateway) Confine(ctx context.Context, open []harness.Destination, fault harness.Fault) error {
	if err := g.barrier.stopStandIns(); err != nil {
		return err
	}
	if err := g.barrier.replace(g.barrier.resolvers(open), fault, nil); err != nil {
		return err
	}
	if err := g.barrier.confine(open, fault); err != nil {
		return fmt.Errorf("refusing all but %d destinations: %w", len(open), err)
	}
	return g.open(ctx, false)
}

// resolvers are the gateway's own, which no forwarded packet is for, where they
// are neither open nor kept.
func (b *barrier) resolvers(open []harness.Destination) (refused []harness.Destination) {
	for _, protocol := range []string{"udp", "tcp"} {
		resolver := harness.Destination{Protocol: protocol, Port: names.Port, Name: attribution.Resolver}
		if !b.table.Kept(resolver) && !slices.Contains(open, resolver) {
			refused = append(refused, resolver)
		}
	}
	return refused
}

// confine opens these destinations alone.
func (b *barrier) confine(open []harness.Destination, fault harness.Fault) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.trouble = b.shut(open, fault)
	return b.trouble
}

func (b *barrier) shut(open []harness.Destination, fault harness.Fault) error {
	if err := b.release(); err != nil {
		return err
	}
	for _, family := range chains.Families() {
		if err := b.tables.Install(family, []chains.Chain{b.config.closed(family, fault)}); err != nil {
			return err
		}
	}
	b.opened = map[block.Entry]bool{}
	return b.admit(b.table.Confine(open))
}

// closed is the chain with nothing open. An ICMP error about a connection that is
// open, e.g. that a packet is too big, comes from an address that is not.
func (c Config) closed(family chains.Family, fault harness.Fault) chains.Chain {
	layout := c.layout()
	chain := chains.Chain{Table: "filter", Name: only, Hooks: append(layout.Forwarded(family), questions(layout)...),
		Rules: slices.Concat(layout.SparedOut(family), layout.SparedBack(family), []chains.Rule{
			chains.Rulef("-i %s -m conntrack --ctstate RELATED -j RETURN", layout.Uplink),
			chains.Rulef("-i %s -o %s -j %s", layout.Uplink, layout.Inside, block.Target(harness.Drop)),
		})}
	for _, match := range testable(family) {
		chain.Rules = append(chain.Rules, slices.Concat(chains.Rulef("-i %s", layout.Inside), match, chains.Rulef("-j %s", block.Target(fault))))
	}
	return c.untested(chain, false)
}

// admit opens more entries. The caller holds the lock.
func (b *barrier) admit(entries []block.Entry) error {
	layout := b.config.layout()
	for _, e := range entries {
		if b.opened[e] {
			continue
		}
		if len(b.opened) >= mostOpened {
			return fmt.Errorf("%d addresses are open, and a name that has still more is not followed", len(b.opened))
		}
		there, back := e.Matches()
		for _, rule := range []chains.Rule{
			slices.Concat(chains.Rulef("-i %s", layout.Inside), there, chains.Rulef("-j RETURN")),
			slices.Concat(chains.Rulef("-i %s", layout.Uplink), back, chains.Rulef("-j RETURN")),
		} {
			if err := b.tables.Insert(chains.FamilyOf(e.Address), "filter", only, rule); err != nil {
				return err
			}
		}
		b.opened[e] = true
	}
	return nil
}

// confined reports whether everything is refused that is not open.
func (b *barrier) confined() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.opened != nil
}

// release ends a confinement, if there is one. The caller holds the lock.
func (b *barrier) release() error {
	if b.opened == nil {
		return nil
	}
	var errs []error
	for _, family := range chains.Families() {
		errs = append(errs, b.tables.Remove(family, []chains.Chain{b.config.closed(family, harness.Reject)}))
	}
	b.opened = nil
	return errors.Join(errs...)
}
