package placement

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// faraway is an address that is nobody's (RFC 5737), and so in no network that a
// device could answer but by its router.
var faraway = netip.AddrFrom4([4]byte{198, 51, 100, 77})

// How often a marked packet is sent, and how long its answer may take.
const (
	marks    = 5
	markWait = time.Second
)

// Mark is what became of a marked packet.
type Mark int

const (
	MarkNotSent  Mark = iota // the tables are the machine's own: nothing is sent there
	MarkNotBack              // many devices answer no ping, or only their own subnet
	MarkCameBack             // the device's way out is the gateway, and it answers other subnets
)

// Marked sends the device a packet with a mark from an address far away, and
// reports whether the mark came back across the gateway.
func (p *Placed) Marked(ctx context.Context) (mark Mark, err error) {
	if p.Shared {
		return MarkNotSent, nil
	}
	handle := p.Namespace.Netlink()
	loopback, err := handle.LinkByName("lo")
	if err != nil {
		return MarkNotSent, err
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: faraway.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	if err := handle.AddrReplace(loopback, address); err != nil {
		return MarkNotSent, fmt.Errorf("adding an address far away: %w", err)
	}
	defer func() { err = errors.Join(err, handle.AddrDel(loopback, address)) }()
	socket, err := p.Namespace.ListenPacket(ctx, "ip4:icmp", faraway.String())
	if err != nil {
		return MarkNotSent, fmt.Errorf("opening a socket for a marked packet: %w", err)
	}
	defer socket.Close()
	if err := bindTo(socket, p.Inside); err != nil {
		return MarkNotSent, err
	}
	for number := range marks {
		back, err := p.mark(ctx, socket, number)
		if back {
			return MarkCameBack, nil
		}
		if err != nil {
			return MarkNotSent, err
		}
	}
	return MarkNotBack, nil
}

// bindTo makes a socket hear what comes in by one link alone.
func bindTo(socket net.PacketConn, link string) error {
	raw, err := socket.(*net.IPConn).SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(fd uintptr) { failure = unix.BindToDevice(int(fd), link) })
	return errors.Join(err, failure)
}

// mark sends one packet and waits for its answer.
func (p *Placed) mark(ctx context.Context, socket net.PacketConn, number int) (bool, error) {
	mark := []byte(rand.Text())
	request, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 0x6e77, Seq: number, Data: mark}}).Marshal(nil)
	if err != nil {
		return false, err
	}
	if err := socket.SetDeadline(time.Now().Add(markWait)); err != nil {
		return false, err
	}
	if _, err := socket.WriteTo(request, &net.IPAddr{IP: p.Device.AsSlice()}); err != nil {
		return false, fmt.Errorf("sending a marked packet: %w", err)
	}
	for buffer := make([]byte, 1500); ctx.Err() == nil; {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return false, nil // no answer is no error
		}
		message, err := icmp.ParseMessage(1, buffer[:length]) // the number is IANA's
		if err == nil && message.Type == ipv4.ICMPTypeEchoReply && bytes.Contains(buffer[:length], mark) && from.String() == p.Device.String() {
			return true, nil
		}
	}
	return false, ctx.Err()
}
