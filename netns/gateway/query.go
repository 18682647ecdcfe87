package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/names"
)

// blocksQuery reports whether a query is for a name that must not be answered, or not as it is
// in the internet, and notes the attempt.
func (g *Gateway) blocksQuery(query names.Question, again bool) bool {
	destinations := slices.Concat(g.table.BlockedByName(query.Name), g.barrier.named(query.Name))
	slices.SortFunc(destinations, harness.Destination.Compare)
	destinations = slices.Compact(destinations)
	if len(destinations) > 0 && !again {
		g.ledger.AddBlockedQuery(destinations, query, time.Now())
	}
	return len(destinations) > 0
}

// instead answers a query whose name is blocked: with the gateway's address if a stand-in
// is to be reached by that, or else that there is no such name. If the block has just been
// changed, the device has to ask again.
func (g *Gateway) instead(query *dns.Msg) *dns.Msg {
	destinations := g.barrier.named(names.Canonical(query.Question[0].Name))
	switch name := query.Question[0].Name; {
	case len(destinations) > 0:
	case len(g.table.BlockedByName(names.Canonical(name))) > 0:
		return new(dns.Msg).SetRcode(query, dns.RcodeNameError)
	default:
		return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	}
	answer := new(dns.Msg).SetReply(query)
	answer.RecursionAvailable = true
	header := dns.RR_Header{Name: query.Question[0].Name, Rrtype: query.Question[0].Qtype, Class: dns.ClassINET, Ttl: uint32(names.LongestTTL / time.Second)}
	for _, own := range g.addresses.inside {
		switch {
		case own.Is4() && header.Rrtype == dns.TypeA:
			answer.Answer = append(answer.Answer, &dns.A{Hdr: header, A: own.AsSlice()})
		case own.Is6() && header.Rrtype == dns.TypeAAAA && own.IsGlobalUnicast():
			answer.Answer = append(answer.Answer, &dns.AAAA{Hdr: header, AAAA: own.AsSlice()})
		}
	}
	if len(answer.Answer) > 0 {
		g.barrier.told(destinations)
	}
	return answer
}

// named lists the destinations with stand-ins whose name is answered with the gateway's
// address.
func (b *barrier) named(name string) (destinations []harness.Destination) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.standIns == nil {
		return nil
	}
	blocked := b.table.BlockedByName(name) // also if it is a CNAME of theirs, or one of the names of a row
	for d, way := range b.standIns.ways {
		if way == harness.WayName && (d.Name == name || slices.Contains(blocked, d)) {
			destinations = append(destinations, d)
		}
	}
	return destinations
}

// answer learns from a DNS answer that is about to leave, and returns when it may.
func (g *Gateway) answer(ctx context.Context, answer names.Answered) error {
	if err := g.barrier.answered(answer); err != nil {
		return err
	}
	g.barrier.resolved(answer.Query)
	if wait := g.table.Space(answer); wait > 0 {
		return span.Wait(ctx, wait)
	}
	return nil
}

// answered learns from a DNS answer, before the answer leaves.
func (b *barrier) answered(answer names.Answered) error {
	return b.learn(func() attribution.Change { return b.table.Answer(answer) })
}
