package gateway

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// A stand-in need not be reached by redirection. A device that is told another address by
// DNS, or another time server by DHCP, comes to the gateway by itself.

// timeOffer brings the device to the gateway by its lease, see harness.LeaseGateway.
type timeOffer struct {
	leases  *dhcp.Server // nil if another server gives the device its address
	servers []netip.Addr // the gateway's own
}

func (c Config) timeOffer(own addresses) timeOffer {
	return timeOffer{c.Leases, slices.DeleteFunc(slices.Clone(own.inside), netip.Addr.Is6)}
}

// OfferTime names the gateway as the time server in the device's leases from now on, or no
// more, and may wait until the device has renewed its own.
func (t timeOffer) OfferTime(ctx context.Context, on, wait bool) error {
	if t.leases == nil {
		return nil
	}
	if on {
		t.leases.OfferTime(t.servers...)
	} else {
		t.leases.OfferTime()
	}
	if !wait {
		return nil
	}
	return t.leases.Renewed(ctx)
}

// Renewal is the longest that OfferTime waits.
func (t timeOffer) Renewal() time.Duration {
	if t.leases == nil {
		return 0
	}
	return t.leases.Renewal()
}

// told notes destinations whose name is answered with the gateway's address: from now on
// the device may come there by it.
func (b *barrier) told(destinations []harness.Destination) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.standIns == nil {
		return
	}
	for _, d := range destinations {
		if _, before := b.standIns.answered[d]; !before {
			b.standIns.answered[d] = b.standIns.answers(d)
		}
	}
}

// cameByWays is what the stand-ins have answered at the gateway's own address, by
// destination: since the device was told to go there. The caller holds the lock.
func (s *standIn) cameByWays() map[harness.Destination]harness.StoodIn {
	stood := map[harness.Destination]harness.StoodIn{}
	for d, way := range s.ways {
		before, told := s.answered[d]
		if told || way == harness.WayOption && s.leases.ToldTime() {
			stood[d] = harness.StoodIn{Answers: s.answers(d) - before}
		}
	}
	return stood
}

// answers is how often the stand-in for a destination has answered at the gateway's own
// address.
func (s *standIn) answers(d harness.Destination) (answers int) {
	for place, count := range s.servers.Answered() {
		if slices.Contains(s.atPlace(place), d) {
			answers += count
		}
	}
	return answers
}

// atPlace lists the destinations whose stand-ins answer at a place of the gateway's own.
func (s *standIn) atPlace(place watch.Place) (destinations []harness.Destination) {
	for d := range s.ways {
		if d.Protocol == place.Protocol && d.Port == place.Port() && slices.Contains(s.inside, place.Addr()) {
			destinations = append(destinations, d)
		}
	}
	return destinations
}

// atGateway lists the places of the gateway's own that the device may come to.
func (s *standIn) atGateway() (entries []block.Entry) {
	for d := range s.ways {
		for _, own := range s.inside {
			entries = append(entries, block.Entry{Address: own, Protocol: d.Protocol, Port: d.Port})
		}
	}
	slices.SortFunc(entries, func(a, b block.Entry) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(entries)
}

// opened are the rules of a family that let the device come to these places.
func (s *standIn) opened(family chains.Family) (rules []chains.Rule) {
	for _, entry := range s.atGateway() {
		if chains.FamilyOf(entry.Address) == family {
			there, _ := entry.Matches()
			rules = append(rules, append(there, "-j", "ACCEPT"))
		}
	}
	return rules
}
