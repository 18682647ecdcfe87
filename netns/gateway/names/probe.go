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

// Probe asks a resolver, from a namespace, for a name that every one knows by
// itself (RFC 6761, 6.3). Whatever it answers, it is one.
func Probe(ctx context.Context, namespace *netns.Namespace, resolver netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	connection, err := namespace.Dial(ctx, "udp", resolver.String())
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
