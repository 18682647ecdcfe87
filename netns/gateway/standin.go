package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/standin"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// What the device sends to a destination with a stand-in is delivered to the gateway, its
// address unchanged, as queries to other resolvers are: see querycatch.go. It counts as an
// attempt, like everything that is blocked, and is let in before the block. In shared tables
// it takes another way: see standinlead.go.

// stood is the bit that such packets carry besides caught.
const stood = 0x08000000

// mostStood limits the addresses that a stand-in answers for. Each is a rule of iptables.
const mostStood = 1024

// The chains for it, which are there only while a stand-in is on.
const (
	divert = "NEEDWANT-DIVERT"
	enter  = "NEEDWANT-STOOD"
)

// BlockWith is [Gateway.Block], with stand-ins that answer for some of what is blocked. The
// device is brought to them by redirection, or as ways says, or, if the fault blocks its
// name, by an answer to that.
func (g *Gateway) BlockWith(ctx context.Context, destinations []harness.Destination, fault harness.Fault, standIns map[harness.Destination]harness.StandIn, ways map[harness.Destination]harness.Way) error {
	if len(standIns) > 0 {
		trial := harness.Trial{StandIns: standIns, Ways: ways}
		switch err := cmp.Or(harness.CheckStandIns(standIns, destinations), trial.CheckWays()); {
		case err != nil:
			return err
		case trial.OffersTime() && g.config.Leases == nil:
			return errors.New("another server gives the device its address, and that cannot be told to name the gateway as the time server")
		}
	}
	return g.block(ctx, destinations, fault, standIns, g.barrier.byName(fault, standIns, ways))
}

// byName adds the way by the name to the stand-ins of names that a fault blocks.
func (b *barrier) byName(fault harness.Fault, standIns map[harness.Destination]harness.StandIn, ways map[harness.Destination]harness.Way) map[harness.Destination]harness.Way {
	all := map[harness.Destination]harness.Way{}
	for d := range standIns {
		if b.table.BlocksByName(d, fault) {
			all[d] = harness.WayName
		}
	}
	maps.Copy(all, ways)
	return all
}

// startStandIns starts the servers for the stand-ins of a block that is about to begin;
// nil if there are none.
func (b *barrier) startStandIns(ctx context.Context, at addresses, standIns map[harness.Destination]harness.StandIn, ways map[harness.Destination]harness.Way) (*standIn, error) {
	if len(standIns) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to start
	}
	c := b.config
	kinds := slices.Compact(slices.Sorted(maps.Values(standIns)))
	ports := silentPorts(standIns)
	servers, err := standin.Open(ctx, standin.Config{
		Namespace: c.Namespace, Link: c.Inside, MAC: c.MAC, Own: at.inside, Ports: ports, Versions: versionsOf(at.own),
		Led: b.led(), From: c.only(),
	}, kinds)
	if err != nil {
		return nil, err
	}
	s := &standIn{servers: servers, kinds: standIns, ports: ports, ways: ways, inside: at.inside, leases: c.Leases, places: map[block.Entry]bool{}, answered: map[harness.Destination]int{}}
	for _, entry := range s.atGateway() {
		servers.Take(placeOf(entry))
	}
	return s, nil
}

// silentPorts are those of destinations whose stand-in accepts connections and says nothing.
func silentPorts(standIns map[harness.Destination]harness.StandIn) (ports []uint16) {
	for d, kind := range standIns {
		if kind == harness.SilentTCP {
			ports = append(ports, d.Port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func versionsOf(addresses []netip.Addr) (versions []string) {
	for _, family := range chains.Families() {
		if slices.ContainsFunc(addresses, func(a netip.Addr) bool { return chains.FamilyOf(a) == family }) {
			versions = append(versions, fmt.Sprint(int(family)))
		}
	}
	return versions
}

// standIn are the stand-ins of one block.
type standIn struct {
	servers *standin.Servers
	kinds   map[harness.Destination]harness.StandIn
	ways    map[harness.Destination]harness.Way // to those that packets are not diverted to
	written bool                                // the chains
	places  map[block.Entry]bool                // whose packets are diverted

	ports  []uint16     // where it accepts connections and says nothing
	inside []netip.Addr // the gateway's own addresses, for those that come by ways
	leases *dhcp.Server // that names the gateway as the time server, if a way is that

	// answered are the destinations whose names were answered with the gateway's address,
	// and how much their stand-ins had answered there when that began.
	answered map[harness.Destination]int
}

// stopStandIns lets the block be what it is without stand-ins, and then stops these.
func (b *barrier) stopStandIns() (err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	s := b.standIns
	if s == nil {
		return nil
	}
	b.standIns = nil
	if s.written {
		for _, family := range chains.Families() {
			err = errors.Join(err, b.tables.Remove(family, b.config.bringing(s, family)))
		}
	}
	err = errors.Join(err, s.servers.Close())
	if b.config.Shared {
		err = errors.Join(err, block.Forget(b.tracked, b.config.layout(), append(slices.Collect(maps.Keys(s.places)), s.atGateway()...)))
	}
	return err
}

// bringing are the chains of a family that bring the device's packets to stand-ins.
func (c Config) bringing(s *standIn, family chains.Family) []chains.Chain {
	if c.Shared {
		return c.leading(s, family)
	}
	return c.diversion(s.opened(family), s.ports)
}

// divert brings entries that were blocked a moment ago to their stand-ins, if they have
// any. The caller holds the lock.
func (b *barrier) divert(entries []block.Entry) error {
	s := b.standIns
	if s == nil {
		return nil
	}
	if !s.written {
		for _, family := range chains.Families() {
			if err := b.tables.Install(family, b.config.bringing(s, family)); err != nil {
				return fmt.Errorf("putting up stand-ins: %w", err)
			}
		}
		s.written = true
	}
	for _, entry := range entries {
		if s.places[entry] || len(s.places) >= mostStood || !s.answersFor(b.table.Destinations(placeOf(entry))) {
			continue
		}
		rules := b.config.bring(s, entry)
		if len(rules) == 0 {
			continue
		}
		s.servers.Take(placeOf(entry))
		for _, r := range rules {
			if err := b.tables.Insert(chains.FamilyOf(entry.Address), r.table, r.chain, r.rule); err != nil {
				return fmt.Errorf("bringing %s to its stand-in: %w", entry, err)
			}
		}
		s.places[entry] = true
	}
	return nil
}

// standsInFor reports whether packets to a place are brought to a stand-in. The caller holds
// the lock.
func (b *barrier) standsInFor(place watch.Place) bool {
	return b.standIns != nil && b.standIns.places[block.Entry{Address: place.Addr().Unmap(), Protocol: place.Protocol, Port: place.Port()}]
}

// answersFor reports whether all of what a place is has a stand-in.
func (s *standIn) answersFor(destinations []harness.Destination) bool {
	return len(destinations) > 0 && !slices.ContainsFunc(destinations, func(d harness.Destination) bool { return s.kinds[d] == "" || s.ways[d] != "" })
}

func placeOf(entry block.Entry) watch.Place {
	return watch.Place{Protocol: entry.Protocol, AddrPort: netip.AddrPortFrom(entry.Address, entry.Port)}
}

// placedRule is a rule with the chain that it belongs to.
type placedRule struct {
	table, chain string
	rule         chains.Rule
}

// bring are the rules that bring what is sent to an entry to its stand-in; none if nothing
// can.
func (c Config) bring(s *standIn, entry block.Entry) []placedRule {
	if c.Shared {
		return s.leadTo(entry)
	}
	there, _ := entry.Matches()
	return []placedRule{{"mangle", divert, append(there, chains.Rulef("-j MARK --set-xmark %s", bits(caught|stood))...)}}
}

func bits(of int) string { return fmt.Sprintf("%#x/%#x", of, of) }

// diversion are the chains of a family, with nothing diverted yet. The servers answer for
// what is diverted, and for what comes to the gateway itself by open: it has no other such
// services, whatever the ports on which it accepts connections.
func (c Config) diversion(open []chains.Rule, silent []uint16) []chains.Chain {
	from := chains.Rulef("-i %s", c.Inside)
	if c.MAC != nil {
		from = append(from, chains.Rulef("-m mac --mac-source %s", c.MAC)...)
	}
	var closed []chains.Rule
	for _, port := range append([]uint16{80, 443}, silent...) {
		closed = append(closed, chains.Rulef("-p tcp --dport %d -j REJECT --reject-with tcp-reset", port))
	}
	for _, port := range []uint16{123, 8053} {
		closed = append(closed, chains.Rulef("-p udp --dport %d -j REJECT", port))
	}
	return []chains.Chain{
		{Table: "mangle", Name: divert, Hooks: []chains.Hook{{From: "PREROUTING", Match: from}}},
		{Table: "filter", Name: enter, Hooks: []chains.Hook{{From: "INPUT", Match: chains.Rulef("-i %s", c.Inside)}}, Rules: slices.Concat(open, []chains.Rule{
			chains.Rulef("-p tcp ! --syn -m conntrack --ctstate NEW -j RETURN"),
			chains.Rulef("-m mark --mark %s -j %s", bits(stood), watch.At(watch.Block)),
			chains.Rulef("-m mark --mark %s -j ACCEPT", bits(stood)),
		}, closed)},
	}
}

// stoodIn is what the stand-ins of a window answered, sorted by destination.
func (b *barrier) stoodIn(window watch.Window) (all []harness.StoodIn, err error) {
	b.mutex.Lock()
	s := b.standIns
	b.mutex.Unlock()
	if s == nil {
		return nil, nil
	}
	b.mutex.Lock()
	stood, undelivered := s.cameByWays(), b.config.undelivered(s, window)
	b.mutex.Unlock()
	for place, count := range s.servers.Answered() {
		for _, d := range b.table.Destinations(place) {
			was := stood[d]
			was.Answers += count
			stood[d] = was
		}
	}
	for place, err := range s.servers.Unsent() {
		for _, d := range slices.Concat(b.table.Destinations(place), s.atPlace(place)) {
			if was := stood[d]; was.Answers == 0 {
				stood[d] = harness.StoodIn{Doubt: fmt.Sprintf("its answers could not be sent: %v", err)}
			}
		}
	}
	for place, why := range undelivered {
		for _, d := range b.table.Destinations(place) {
			if was := stood[d]; was.Answers == 0 && was.Doubt == "" {
				stood[d] = harness.StoodIn{Doubt: why}
			}
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(s.kinds), harness.Destination.Compare) {
		was := stood[d]
		was.Destination, was.Kind, was.By = d, s.kinds[d], s.ways[d]
		if was.Kind == harness.TimeServer && was.Answers > 0 {
			was.Doubt = b.clocks.wrong(time.Now())
		}
		if was.Answers > 0 || was.Doubt != "" {
			all = append(all, was)
		}
	}
	return all, s.servers.Failure()
}

// resolved counts an answer of the gateway's resolver in the name of one that it stands in
// for.
func (b *barrier) resolved(query names.Question) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.standIns != nil {
		b.standIns.servers.Resolved(query.Protocol, query.From, query.To)
	}
}
