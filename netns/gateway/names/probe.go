package names

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/netns"
)

// probeTimeout is long for a resolver that answers by itself.
const probeTimeout = 2 * time.Second

// Configured lists the resolvers that a resolv.conf names.
func Configured(path string) (all []netip.AddrPort, err error) {
	known, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, err
	}
	for _, server := range known.Servers {
		if address, err := netip.ParseAddr(server); err == nil {
			all = append(all, netip.AddrPortFrom(address, Port))
		}
	}
	return all, nil
}

// Probe asks a resolver, from a namespace or, if that is nil, from this process, for a name that every one knows by
// itself (RFC 6761, 6.3). Whatever it answers, it is one.
func Probe(ctx context.Context, namespace *netns.Namespace, resolver netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	connection, err := dialUpstream(ctx, namespace, "udp", resolver)
	if err != nil {
		return fmt.Errorf("asking %s: %w", resolver, err)
	}
	defer connection.Close()
	client := &dns.Client{Net: "udp", Timeout: probeTimeout}
	question := new(dns.Msg).SetQuestion("localhost.", dns.TypeA)
	if _, _, err := client.ExchangeWithConnContext(ctx, question, &dns.Conn{Conn: connection}); err != nil {
		return fmt.Errorf("asking %s: %w", resolver, err)
	}
	return nil
}
