package labtest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
)

// Gateway is the simplest thing that a lab's device can live behind.
type Gateway struct {
	namespace *netns.Namespace
	upstream  netip.AddrPort
	relay     net.PacketConn
	work      sync.WaitGroup

	mu      sync.Mutex
	noNames []string
}

// Open makes a lab's gateway forward packets, and relay queries to the
// internet's resolver.
func Open(l *lab.Lab) (*Gateway, error) {
	g := &Gateway{namespace: l.Gateway.Namespace, upstream: l.Gateway.Upstream}
	for _, key := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		if err := g.namespace.Sysctl(key, "1"); err != nil {
			return nil, err
		}
	}
	relay, err := g.namespace.ListenPacket(context.Background(), "udp", ":53")
	if err != nil {
		return nil, err
	}
	g.relay = relay
	g.work.Go(g.serve)
	return g, nil
}

// Close ends the relay. The routes go with the lab.
func (g *Gateway) Close() error {
	err := g.relay.Close()
	g.work.Wait()
	return err
}

func (g *Gateway) serve() {
	datagram := make([]byte, 4096)
	for {
		n, from, err := g.relay.ReadFrom(datagram)
		if err != nil {
			return
		}
		query := append([]byte(nil), datagram[:n]...)
		g.work.Go(func() { g.forward(query, from) })
	}
}

// BlockNames makes the relay say of exactly these names that they do not exist.
func (g *Gateway) BlockNames(hosts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.noNames = nil
	for _, host := range hosts {
		g.noNames = append(g.noNames, dns.Fqdn(host))
	}
}

// refusal is the answer to a query for a blocked name, nil for all others.
func (g *Gateway) refusal(text []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	var query dns.Msg
	if query.Unpack(text) != nil || len(query.Question) != 1 || !slices.Contains(g.noNames, dns.CanonicalName(query.Question[0].Name)) {
		return nil
	}
	refusal, err := new(dns.Msg).SetRcode(&query, dns.RcodeNameError).Pack()
	if err != nil {
		return nil
	}
	return refusal
}

// forward hands one query on. A resolver that does not answer ends it by the
// test's own end: the socket is closed with the relay.
func (g *Gateway) forward(query []byte, from net.Addr) {
	if refusal := g.refusal(query); refusal != nil {
		_, _ = g.relay.WriteTo(refusal, from)
		return
	}
	upstream, err := g.namespace.Dial(context.Background(), "udp", g.upstream.String())
	if err != nil {
		return
	}
	defer upstream.Close()
	if _, err := upstream.Write(query); err != nil {
		return
	}
	reply := make([]byte, 4096)
	if n, err := upstream.Read(reply); err == nil {
		_, _ = g.relay.WriteTo(reply[:n], from)
	}
}

// How an address is put out of reach.
const (
	Refused   = unix.RTN_PROHIBIT  // the device is told at once
	Blackhole = unix.RTN_BLACKHOLE // it hears nothing
)

// Block puts addresses out of reach.
func (g *Gateway) Block(how int, addresses ...netip.Addr) error {
	return g.each(addresses, func(r *netlink.Route) error {
		r.Type = how
		return g.namespace.Netlink().RouteAdd(r)
	})
}

// Unblock undoes Block.
func (g *Gateway) Unblock(addresses ...netip.Addr) error {
	return g.each(addresses, g.namespace.Netlink().RouteDel)
}

func (g *Gateway) each(addresses []netip.Addr, act func(*netlink.Route) error) error {
	for _, address := range addresses {
		r := &netlink.Route{Dst: &net.IPNet{
			IP:   address.AsSlice(),
			Mask: net.CIDRMask(address.BitLen(), address.BitLen()),
		}}
		if err := act(r); err != nil {
			return fmt.Errorf("changing the route to %s: %w", address, err)
		}
	}
	return nil
}
