package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Relink takes the interface to the device down for a while, and up again, as if its cable had been pulled. When it
// returns the interface is up, also after an error or the end of ctx, and has the addresses and routes that it had.
// It is for a namespace of the gateway's own, whose interfaces go back to the machine when the program dies.
func (g *Gateway) Relink(ctx context.Context, down time.Duration) error {
	namespace, inside := g.config.Namespace, g.config.Inside
	if g.config.Shared {
		return fmt.Errorf("%s is the machine's own", inside)
	}
	// The kernel removes IPv6 addresses with the interface otherwise. It may lack IPv6.
	_ = namespace.Sysctl("net/ipv6/conf/"+inside+"/keep_addr_on_down", "1")
	return g.changes.Except(func() error {
		return errors.Join(namespace.SetDown(inside), span.Wait(ctx, down), namespace.SetUp(inside))
	})
}

// NewLease gives the device a new lease, as if its old one were from another network; see [dhcp.Server.NewLease]. began is zero if the device
// has no lease of the gateway.
func (g *Gateway) NewLease(ctx context.Context) (began time.Time, err error) {
	if g.config.Leases == nil {
		return time.Time{}, nil
	}
	return g.config.Leases.NewLease(ctx)
}
