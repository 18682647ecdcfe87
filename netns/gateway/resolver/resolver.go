package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/names"
)

// Memory is how long the device may use what it was answered: the TTL, and as long
// again, because some count whole seconds and round up.
const Memory = 2 * names.LongestTTL

// Resolver answers one device and other clients, and blocks names for the device.
// Block and Observe are for one goroutine at a time.
type Resolver struct {
	clients   *clients
	forwarder *names.Forwarder
	always    []harness.Pattern
	only      func(harness.Contact) (listed []string) // nil if there is no blocklist

	mutex sync.Mutex
	table table
	fault harness.Fault
	since time.Time // of the window
	lost  int       // queries that were dropped before it
	freed bool      // nothing is blocked in it
}

// New answers until Close, with nothing blocked.
func New(ctx context.Context, config Config) (*Resolver, error) {
	if err := config.validate(); err != nil {
		return nil, errors.Join(err, config.Sockets.Close())
	}
	clients, err := newClients(config)
	if err != nil {
		return nil, errors.Join(err, config.Sockets.Close())
	}
	r := &Resolver{clients: clients, always: config.Always, only: config.Only, table: newTable(), fault: harness.NXDomain, since: time.Now(), freed: true}
	r.forwarder, err = names.ForwardOn(ctx, config.Namespace, config.Sockets, names.Config{
		Upstream: config.Upstream, Client: clients.client, Learn: r.learn, Blocked: r.blocksQuery, Instead: r.instead,
	})
	if err != nil {
		return nil, fmt.Errorf("answering DNS queries: %w", err)
	}
	return r, nil
}

// Used reports whether any host other than this machine has queried the resolver.
func (r *Resolver) Used() bool { return r.clients.used() }

// Queries is how many queries of the device there were, in all.
func (r *Resolver) Queries() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.table.queries
}

// Encrypted is a public resolver that answers encrypted queries, and who runs it, if
// the device was given its address; "" if it was not.
func (r *Resolver) Encrypted() (name, how string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.table.private.name, r.table.private.how
}

// Close stops answering.
func (r *Resolver) Close() error {
	err := r.forwarder.Close()
	r.clients.close()
	return err
}

// Block blocks exactly these names for the device, as harness.Gateway says.
// Connections that the device has are not touched. A destination that is not a name,
// and a fault that a resolver does not have, are errors, and then nothing has changed.
// With nothing to block, a fault that a resolver does not have is no error.
func (r *Resolver) Block(_ context.Context, destinations []harness.Destination, fault harness.Fault) error {
	blocked := map[string]bool{}
	for _, d := range destinations {
		if d.Protocol != harness.DNS {
			return fmt.Errorf("%s cannot be blocked by a resolver, which blocks dns/NAME: choose another placement", d)
		}
		blocked[d.Name] = true
	}
	if !fault.ByName() {
		if len(blocked) > 0 {
			return fmt.Errorf("a resolver has no fault %s: it has %v", fault, harness.ResolverFaults())
		}
		fault = harness.NXDomain
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.fault, r.since, r.lost, r.freed = fault, time.Now(), r.forwarder.Dropped(), len(blocked) == 0
	r.table.open(blocked)
	r.clients.forgive()
	return nil
}

// Observe returns what the device queried since the last Block.
func (r *Resolver) Observe(context.Context) (harness.Observation, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.forwarder.Failure(); err != nil {
		return harness.Observation{}, err
	}
	late, silent := r.forwarder.Silent(r.since)
	seen := harness.Observation{
		Since: r.since, Lost: r.forwarder.Dropped() - r.lost, Late: late, Silent: silent,
		Sinkholes: r.table.sinkholes(), Untested: r.table.untested(),
	}
	seen.Contacts, seen.Always = r.table.contacts(r.isAlways)
	judged, free := harness.OnList(seen.Contacts, r.only)
	seen.Contacts, seen.Free = judged, len(free)
	if r.freed {
		return seen, nil
	}
	for _, doubt := range []string{r.clients.doubt(), r.table.encrypted()} {
		if doubt != "" {
			seen.Doubts = append(seen.Doubts, doubt)
		}
	}
	return seen, nil
}

func (r *Resolver) isAlways(name string) bool {
	return slices.ContainsFunc(r.always, func(p harness.Pattern) bool { return p.Matches(harness.Destination{Protocol: harness.DNS, Name: name}) })
}

// learn records an answer to the device that is about to leave.
func (r *Resolver) learn(_ context.Context, answer names.Answered) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.table.learn(answer, time.Now())
	return nil
}

// blocksQuery reports whether a query of the device is for a name that must not be
// answered, and records it. With again set the answer leaves now, unless its name is blocked.
func (r *Resolver) blocksQuery(query names.Question, again bool) bool {
	if denied(query.Name) {
		return true
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	blocked := r.table.blocked[query.Name] || r.isAlways(query.Name)
	switch now := time.Now(); {
	case blocked:
		r.table.addBlockedQuery(query, now)
	case again:
		r.table.leave(query, now)
	default:
		r.table.query(query, now)
	}
	return blocked
}

// denied reports whether a name is never answered to the device. By resolver.arpa a
// resolver names its own encrypted service (RFC 9462), by which the device would go
// past this one.
func denied(name string) bool {
	return name == "resolver.arpa" || len(name) > len(".resolver.arpa") && name[len(name)-len(".resolver.arpa"):] == ".resolver.arpa"
}

// instead is the answer to a query for a name that is blocked.
func (r *Resolver) instead(message *dns.Msg) *dns.Msg {
	r.mutex.Lock()
	fault := r.fault
	r.mutex.Unlock()
	switch fault {
	case harness.Refused:
		return new(dns.Msg).SetRcode(message, dns.RcodeRefused)
	case harness.Null:
		return null(message)
	default:
		return new(dns.Msg).SetRcode(message, dns.RcodeNameError)
	}
}

// null answers as blocklists do: 0.0.0.0 and ::, and nothing for other kinds of
// record.
func null(message *dns.Msg) *dns.Msg {
	answer := new(dns.Msg).SetReply(message)
	answer.RecursionAvailable = true
	question := message.Question[0]
	header := dns.RR_Header{Name: question.Name, Rrtype: question.Qtype, Class: dns.ClassINET, Ttl: uint32(names.LongestTTL / time.Second)}
	switch question.Qtype {
	case dns.TypeA:
		answer.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4zero}}
	case dns.TypeAAAA:
		answer.Answer = []dns.RR{&dns.AAAA{Hdr: header, AAAA: net.IPv6zero}}
	}
	return answer
}
