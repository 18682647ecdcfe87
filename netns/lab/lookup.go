package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// names is the device's stub resolver: it asks one server, and keeps an answer
// for as long as the answer says.
type names struct {
	dial func(ctx context.Context, network string) (net.Conn, error) // to the server

	mu    sync.Mutex
	known map[string]answer
}

// noName is a resolver's answer that there is nothing to be had.
type noName struct{ host, why string }

// Error says what the resolver said.
func (e *noName) Error() string { return fmt.Sprintf("looking up %s: %s", e.host, e.why) }

type answer struct {
	addresses []netip.Addr
	until     time.Time
}

// lookUp gives the addresses of a host, those of IPv4 first, in the order of
// the answer. It asks for the kinds that the device is interested in.
func (n *names) lookUp(ctx context.Context, host string, kinds struct{ v4, v6 bool }) ([]netip.Addr, error) {
	if addresses, ok := n.remembered(host); ok {
		return addresses, nil
	}
	var found answer
	for _, kind := range []struct {
		wanted bool
		query  uint16
	}{{kinds.v4, dns.TypeA}, {kinds.v6, dns.TypeAAAA}} {
		if !kind.wanted {
			continue
		}
		more, err := n.ask(ctx, host, kind.query)
		if err != nil {
			return nil, err
		}
		found = found.and(more)
	}
	if len(found.addresses) == 0 {
		return nil, &noName{host, "it has no address"}
	}
	n.remember(host, found)
	return found.addresses, nil
}

func (n *names) remembered(host string) ([]netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known, ok := n.known[host]
	return known.addresses, ok && time.Now().Before(known.until)
}

func (n *names) remember(host string, found answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[string]answer{}
	}
	n.known[host] = found
}

// and joins two answers; the joint one is good while both are.
func (a answer) and(b answer) answer {
	if a.until.IsZero() || b.until.Before(a.until) {
		a.until = b.until
	}
	a.addresses = append(a.addresses, b.addresses...)
	return a
}

// ask sends one query over UDP, and again over TCP where the answer did not
// fit.
func (n *names) ask(ctx context.Context, host string, kind uint16) (answer, error) {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(host), kind)
	began := time.Now()
	reply, err := n.exchange(ctx, "udp", query)
	if err == nil && reply.Truncated {
		reply, err = n.exchange(ctx, "tcp", query)
	}
	if err != nil {
		return answer{}, fmt.Errorf("looking up %s: %w", host, err)
	}
	if reply.Rcode != dns.RcodeSuccess {
		return answer{}, &noName{host, dns.RcodeToString[reply.Rcode]}
	}
	return read(reply, began), nil
}

func (n *names) exchange(ctx context.Context, network string, query *dns.Msg) (*dns.Msg, error) {
	connection, err := n.dial(ctx, network)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	defer until(ctx, connection)()
	reply, _, err := new(dns.Client).ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: connection})
	return reply, err
}

// read takes the addresses out of a reply. They are good for the shortest time
// that any record gives.
func read(reply *dns.Msg, asked time.Time) answer {
	var found answer
	for _, record := range reply.Answer {
		until := asked.Add(time.Duration(record.Header().Ttl) * time.Second)
		switch record := record.(type) {
		case *dns.A:
			address, _ := netip.AddrFromSlice(record.A.To4())
			found = found.and(answer{[]netip.Addr{address}, until})
		case *dns.AAAA:
			address, _ := netip.AddrFromSlice(record.AAAA)
			found = found.and(answer{[]netip.Addr{address}, until})
		default:
			found = found.and(answer{nil, until})
		}
	}
	return found
}
