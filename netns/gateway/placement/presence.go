package placement

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/netns"
)

// AbsentError says that the device does not answer at its address.
type AbsentError struct {
	Device netip.Addr
	Link   string
	Waited time.Duration
	Other  net.HardwareAddr // what is there instead; nil if nothing is
	Uses   netip.Addr       // the device's address, if it is there with another one
	Fix    string           // what to do about that
}

func (e *AbsentError) Error() string {
	switch {
	case e.Uses.IsValid():
		return fmt.Sprintf("the device is on %s, but it uses the address %s, not %s: %s", e.Link, e.Uses, e.Device, e.Fix)
	case e.Other != nil:
		return fmt.Sprintf("on %s there is %s, which is not the device, and the device did not show up at %s in %s: "+
			"correct device: {mac: …} in the spec, or connect the right device", e.Link, e.Other, e.Device, span.Words(e.Waited))
	}
	return fmt.Sprintf("the device did not show up at %s on %s in %s: is it connected there, and switched on? "+
		"Switch it off and on, so that it asks for its address again", e.Device, e.Link, span.Words(e.Waited))
}

// shown is the machine's interface that leads to the device: the user has never seen the
// name that the gateway's own has.
func (p *Placed) shown() string {
	if p.Inside != insideName {
		return p.Inside
	}
	return cmp.Or(p.plan.config.Inside, p.plan.config.Uplink)
}

// look is the pause between two looks for the device.
const look = 250 * time.Millisecond

// fixedAfter is how long a device that has moved to the gateway's network may go
// on with another address, without asking for one, until that counts as fixed.
const fixedAfter = 15 * time.Second

// otherAfter is how long the device may take before it is said that another is there.
const otherAfter = 5 * time.Second

// Await waits until the device answers on its interface, via ARP. If the spec does
// not say its MAC address, that is known from then on. After the longest wait the
// error is an [*AbsentError]; earlier if the device is there with an address that
// it does not give up.
func (p *Placed) Await(ctx context.Context, longest time.Duration) error {
	seen, err := openSightings(p.Namespace, p.Inside, p.MAC)
	if err != nil {
		return err
	}
	defer seen.close()
	deadline := time.NewTimer(longest)
	defer deadline.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	absent := &AbsentError{Device: p.Device, Link: p.shown(), Waited: longest}
	began, told := time.Now(), false // whether it was said what is there instead
	for {
		there, err := p.look(ctx, seen, absent)
		if there || err != nil {
			return err
		}
		// An address from before is of no use in a network of the gateway's.
		if p.plan.way.moves && absent.Uses.IsValid() && time.Since(seen.since) > min(longest/4, fixedAfter) {
			return absent
		}
		if !told && absent.Other != nil && time.Since(began) > min(longest/4, otherAfter) {
			told = true
			p.plan.config.Tell(fmt.Sprintf("on %s there is %s, which is not the device; still waiting for the device", absent.Link, absent.Other))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Over():
			return p.Err()
		case <-deadline.C:
			return absent
		case <-again.C:
		}
	}
}

// look looks once, and notes what is there instead of the device.
func (p *Placed) look(ctx context.Context, seen *sightings, absent *AbsentError) (there bool, err error) {
	if err := poke(ctx, p.Namespace, p.Device); err != nil {
		return false, err
	}
	found, err := neighbour(p.Namespace, p.Inside, p.Device)
	if err != nil {
		return false, err
	}
	if err := seen.read(p.Device); err != nil {
		return false, err
	}
	if found != nil && p.isDevice(found) {
		return true, p.keep(found)
	}
	absent.Other, absent.Uses = found, seen.uses
	if found == nil && !p.plan.way.crowded {
		absent.Other = seen.stranger
	}
	if seen.uses.IsValid() {
		absent.Fix = p.plan.way.readdress(seen.uses)
	}
	return false, nil
}

// isDevice reports whether a MAC address is the device's, as far as it is known.
func (p *Placed) isDevice(found net.HardwareAddr) bool {
	known := p.MAC
	if known == nil && p.Leases != nil {
		known = p.Leases.Client()
	}
	return known == nil || bytes.Equal(known, found)
}

// keep binds everything to the device, now that its MAC address is known.
func (p *Placed) keep(found net.HardwareAddr) error {
	if p.MAC != nil {
		return nil
	}
	p.MAC = found
	p.plan.config.Tell(fmt.Sprintf("the device is %s: write device: {mac: %q} in the spec, so that no other can take its place", found, found))
	if p.Leases == nil {
		return nil
	}
	return p.Leases.Keep(found)
}

// discard is the port where nobody minds a datagram (RFC 863).
const discard = 9

// poke makes the kernel ask who has the address.
func poke(ctx context.Context, namespace *netns.Namespace, device netip.Addr) error {
	connection, err := namespace.Dial(ctx, "udp", netip.AddrPortFrom(device, discard).String())
	if err != nil {
		return err
	}
	_, err = connection.Write([]byte{0})
	var refused net.Error // an earlier one was refused: there is somebody
	if errors.As(err, &refused) {
		err = nil
	}
	return errors.Join(err, connection.Close())
}

// answers reports whether an address answers on an interface within two seconds.
func answers(ctx context.Context, namespace *netns.Namespace, link string, address netip.Addr) (bool, error) {
	again := time.NewTicker(look)
	defer again.Stop()
	for range 8 {
		if err := poke(ctx, namespace, address); err != nil {
			return false, err
		}
		found, err := neighbour(namespace, link, address)
		if found != nil || err != nil {
			return found != nil, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-again.C:
		}
	}
	return false, nil
}

// neighbour is who has answered for an address; nil where nobody has.
func neighbour(namespace *netns.Namespace, link string, address netip.Addr) (net.HardwareAddr, error) {
	handle := namespace.Netlink()
	found, err := handle.LinkByName(link)
	if err != nil {
		return nil, err
	}
	known, err := handle.NeighList(found.Attrs().Index, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("looking for the device on %s: %w", link, err)
	}
	const answered = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE
	for _, entry := range known {
		if addressOf(entry.IP) == address && entry.State&answered != 0 {
			return entry.HardwareAddr, nil
		}
	}
	return nil, nil
}
