package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
)

// Client holds a lease.
type Client struct {
	Lease Lease

	client *nclient4.Client
	end    context.CancelFunc
	work   sync.WaitGroup
}

const (
	patience = 2 * time.Second // for one answer
	retries  = 3               // of one message
	again    = time.Minute     // between two tries to renew, the shortest that RFC 2131, 4.4.5 allows
)

// NoReplyError means that no server has granted a lease. Its text leaves out what the
// library says.
type NoReplyError struct{ Err error }

func (e *NoReplyError) Error() string { return "no DHCP server has answered" }

// Unwrap returns what the library says.
func (e *NoReplyError) Unwrap() error { return e.Err }

// Ask gets a lease on a link of the namespace, which must be up, and keeps it
// renewed until Close. Giving the link its address is up to the caller.
func Ask(ctx context.Context, namespace *netns.Namespace, link string) (*Client, error) {
	c := &Client{}
	err := namespace.Do(func() (err error) {
		c.client, err = nclient4.New(link, nclient4.WithTimeout(patience), nclient4.WithRetry(retries))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("asking for an address on %s: %w", link, err)
	}
	granted, err := c.client.Request(ctx)
	if err != nil {
		return nil, errors.Join(&NoReplyError{err}, c.client.Close())
	}
	c.Lease = leaseOf(granted)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	c.work.Go(func() { c.renew(life, granted) })
	return c, nil
}

// Close stops renewing. The address is not given back, so that the next run gets
// the same one.
func (c *Client) Close() error {
	c.end()
	err := c.client.Close()
	c.work.Wait()
	return err
}

// renew asks for more time when half of it is over.
func (c *Client) renew(ctx context.Context, lease *nclient4.Lease) {
	wait := c.Lease.Time / 2
	for {
		if span.Wait(ctx, max(wait, time.Second)) != nil {
			return
		}
		renewed, err := c.client.Renew(ctx, lease)
		if err != nil {
			wait = again
			continue
		}
		lease, wait = renewed, leaseOf(renewed).Time/2
	}
}

func leaseOf(granted *nclient4.Lease) Lease {
	answer := granted.ACK
	bits := 24 // of a home network, where the server does not say
	if mask := answer.SubnetMask(); mask != nil {
		bits, _ = mask.Size()
	}
	return Lease{
		Address:  netip.PrefixFrom(addressOf(answer.YourIPAddr), bits),
		Router:   first(answer.Router()),
		Resolver: first(answer.DNS()),
		Time:     answer.IPAddressLeaseTime(usualTime),
	}
}

// Lease is what a server tells a client.
type Lease struct {
	Address  netip.Prefix // the client's, with the length of its network
	Router   netip.Addr   // invalid where the server names none
	Resolver netip.Addr   // the first that the server names; invalid where it names none
	Time     time.Duration
}

// usualTime is that of a lease which says nothing. A device asks again at half
// of it (RFC 2131, 4.4.5), and so finds the home's own server soon after the
// gateway has gone.
const usualTime = 10 * time.Minute

func addressOf(ip net.IP) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap()
}

// first is the first of a list of addresses; invalid if there is none.
func first(list []net.IP) netip.Addr {
	if len(list) == 0 {
		return netip.Addr{}
	}
	return addressOf(list[0])
}
