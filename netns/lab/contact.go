package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// contact is one way of contacting a destination.
type contact interface {
	// try contacts it once, and gives up when ctx ends.
	try(ctx context.Context) error

	// close ends what try left open.
	close()
}

// newContact chooses the way by protocol and port, as the world format defines.
func (l *life) newContact(id string) contact {
	d := l.world.Destinations[id]
	switch {
	case d.probes():
		return &probe{l, d}
	case d.trusting():
		return &handshake{l, d}
	case d.waiting():
		return &accepted{l, d}
	case d.Protocol == "tcp":
		return &session{life: l, destination: d}
	case d.Protocol == ICMP:
		return &exchange{l, d, askPing}
	case d.Port == 8053:
		return &keepAlive{life: l, destination: d}
	case d.Port == 123 && d.picky():
		return &exchange{l, d, askOwnTime}
	case d.Port == 123:
		return &exchange{l, d, askTime}
	case d.Port == 53:
		return &exchange{l, d, askName}
	}
	return &exchange{l, d, askEcho}
}

// keepContact contacts a destination once each period, and some when the device's link comes up or it gets a new lease, for as long as
// the device lives and whenever the destination is active. The first contact comes at
// a random time within the first period.
func (l *life) keepContact(ctx context.Context, id string) {
	contact := l.newContact(id)
	defer contact.close()
	draw := l.lottery(id)
	restUntil(ctx, l.moments(id), time.Duration(draw.Int64N(int64(l.mind.period(id)))))
	for ctx.Err() == nil {
		active, changed := l.mind.active(id)
		if !active {
			contact.close()
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		began, next := time.Now(), l.moments(id)
		l.attempt(ctx, id, contact)
		if l.world.Destinations[id].Every > 0 {
			contact.close()
		}
		period := l.mind.period(id)
		due := began.Add(period*9/10 + time.Duration(draw.Int64N(int64(period/5))))
		restUntil(ctx, next, max(time.Until(due), l.mind.leaves(id)))
	}
}

// attempt contacts a destination once, within the tempo's contact, and lets the mind
// know.
func (l *life) attempt(ctx context.Context, id string, contact contact) bool {
	limited, cancel := context.WithTimeout(ctx, l.world.Tempo.Contact)
	defer cancel()
	err := contact.try(limited)
	if ctx.Err() != nil {
		return false // the device is being switched off, which says nothing
	}
	if l.hangsOn(id, err, limited.Err() != nil) && l.mind.hangs(id) {
		l.bite(l)
		return false
	}
	l.mind.report(id, err == nil)
	return err == nil
}

// hangsOn reports whether a failure is one that the destination's client hangs on:
// time is over when nothing at all came back.
func (l *life) hangsOn(id string, err error, over bool) bool {
	d := l.world.Destinations[id]
	var noName *noName
	switch {
	case err == nil:
		return false
	case errors.As(err, &noName):
		return slices.Contains(d.Hangs, OnNoName)
	}
	return (over || errors.Is(err, os.ErrDeadlineExceeded)) && slices.Contains(d.Hangs, OnSilence)
}

// rest waits, or comes back at once when ctx ends.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	_ = span.Wait(ctx, d)
}

// addresses are those to try, in order. A name is looked up again when its
// answer has expired, and a name that cannot be looked up has none: that holds
// for a destination with an open session too.
func (l *life) addresses(ctx context.Context, d Destination) ([]netip.Addr, error) {
	if d.Host == "" {
		return d.Addresses, nil
	}
	return l.names.lookUp(ctx, d.Host, families(d.Addresses))
}

// eachAddress tries the addresses in order until one succeeds. Each gets an
// equal share of the time that is left, so that one that drops everything
// does not hide the next.
func eachAddress(ctx context.Context, addresses []netip.Addr, try func(ctx context.Context, address netip.Addr) error) error {
	if len(addresses) == 0 {
		return errors.New("no address to try")
	}
	var errs []error
	for i, address := range addresses {
		limited, cancel := share(ctx, len(addresses)-i)
		err := try(limited, address)
		cancel()
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", address, err))
	}
	return errors.Join(errs...)
}

func share(ctx context.Context, parts int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || parts <= 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(parts))
}

// contactBy opens a socket to one of a destination's addresses.
func (l *life) contactBy(ctx context.Context, d Destination, address netip.Addr) (net.Conn, error) {
	return l.dial(ctx, d.ID(), d.Protocol, netip.AddrPortFrom(address, d.Port))
}

// until makes every operation on a connection fail when ctx ends. Call the
// result when done.
func until(ctx context.Context, connection net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = connection.SetDeadline(time.Unix(1, 0))
	})
}

// families tells of which kinds the addresses are.
func families(addresses []netip.Addr) (kinds struct{ v4, v6 bool }) {
	for _, address := range addresses {
		kinds.v4 = kinds.v4 || address.Is4()
		kinds.v6 = kinds.v6 || !address.Is4()
	}
	return kinds
}
