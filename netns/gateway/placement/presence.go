package placement

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
)

// AbsentError says that the device does not answer at its address.
type AbsentError struct {
	Device netip.Addr
	Link   string
	Waited time.Duration
	Other  net.HardwareAddr // what is there instead; nil where nothing is
}

func (e *AbsentError) Error() string {
	if e.Other != nil {
		return fmt.Sprintf("on %s there is %s, which is not the device, and the device did not show up at %s in %s: "+
			"correct device: {mac: …} in the spec, or connect the right device", e.Link, e.Other, e.Device, e.Waited)
	}
	return fmt.Sprintf("the device did not show up at %s on %s in %s: is it connected there, and switched on? "+
		"Switch it off and on, so that it asks for its address anew", e.Device, e.Link, e.Waited)
}

// look is the pause between two looks for the device.
const look = 250 * time.Millisecond

// Await waits until the device answers on its link, by ARP. After so much time it
// is an [*AbsentError].
func (p *Placed) Await(ctx context.Context, longest time.Duration) error {
	absent := &AbsentError{Device: p.Device, Link: p.Inside, Waited: longest}
	deadline := time.NewTimer(longest)
	defer deadline.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		if err := poke(ctx, p.Namespace, p.Device); err != nil {
			return err
		}
		found, err := neighbour(p.Namespace, p.Inside, p.Device)
		if err != nil {
			return err
		}
		absent.Other = p.met()
		if found != nil {
			if p.MAC == nil || found.String() == p.MAC.String() {
				return nil
			}
			absent.Other = found
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
