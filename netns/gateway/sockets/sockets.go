// Package sockets opens the sockets of a gateway's own servers. They take what comes
// in by one link, for whatever address, and answer from the address that was meant
// (IP_TRANSPARENT): the device cannot tell that another host answered. The routes
// must deliver such packets to the gateway.
package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Config says what a socket takes.
type Config struct {
	Link    string           // what comes in by this link; "" is any
	MAC     net.HardwareAddr // the only hardware address that is heard; nil hears everybody on the link
	From    netip.Addr       // the only source address over IPv4 that is heard; invalid hears any. Needs MAC
	Port    uint16           // the same for every address
	Version string           // of IP, "4" or "6"
}

// Listen accepts TCP connections. The local address of each is the one that was meant.
func Listen(ctx context.Context, namespace *netns.Namespace, c Config) (listener net.Listener, err error) {
	config := net.ListenConfig{Control: c.control}
	config.SetMultipathTCP(false)
	err = namespace.Do(func() error {
		listener, err = config.Listen(ctx, "tcp"+c.Version, c.anywhere())
		return err
	})
	return listener, err
}

// ListenPacket takes UDP datagrams.
func ListenPacket(ctx context.Context, namespace *netns.Namespace, c Config) (*Datagrams, error) {
	return listenPacket(ctx, namespace, c, "udp"+c.Version, c.anywhere())
}

// ListenICMP takes ICMP messages, or those of ICMPv6, without the IP header. The port
// is not used.
func ListenICMP(ctx context.Context, namespace *netns.Namespace, c Config) (*Datagrams, error) {
	if c.Version == "6" {
		return listenPacket(ctx, namespace, c, "ip6:ipv6-icmp", "::")
	}
	return listenPacket(ctx, namespace, c, "ip4:icmp", "0.0.0.0")
}

func listenPacket(ctx context.Context, namespace *netns.Namespace, c Config, network, local string) (*Datagrams, error) {
	config := net.ListenConfig{Control: c.control}
	var packets net.PacketConn
	err := namespace.Do(func() (err error) {
		packets, err = config.ListenPacket(ctx, network, local)
		return err
	})
	if err != nil {
		return nil, err
	}
	d, err := NewDatagrams(packets, c.Port, c.Version)
	if err != nil {
		return nil, errors.Join(err, packets.Close())
	}
	return d, nil
}

func (c Config) anywhere() string {
	if c.Version == "4" {
		return fmt.Sprintf("0.0.0.0:%d", c.Port)
	}
	return fmt.Sprintf("[::]:%d", c.Port)
}

func (c Config) control(_, _ string, raw syscall.RawConn) (err error) {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if c.Version == "6" {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	broken := raw.Control(func(socket uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(socket), level, option, 1),
			unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)) // which Go sets
		if c.Link != "" {
			err = errors.Join(err, unix.SetsockoptString(int(socket), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, c.Link))
		}
		if c.MAC != nil {
			err = errors.Join(err, netns.AcceptOnly(socket, c.MAC, c.from()))
		}
	})
	return errors.Join(broken, err)
}

// from is the only source address of the version that is heard; invalid is any.
func (c Config) from() netip.Addr {
	if c.Version == "6" {
		return netip.Addr{}
	}
	return c.From
}

// Datagrams tells of each datagram which address it was sent to.
type Datagrams struct {
	net.PacketConn
	port uint16 // of all
	v4   *ipv4.PacketConn
	v6   *ipv6.PacketConn
}

// NewDatagrams takes over an open socket of one version of IP.
func NewDatagrams(packets net.PacketConn, port uint16, version string) (*Datagrams, error) {
	d := &Datagrams{PacketConn: packets, port: port}
	if version == "4" {
		d.v4 = ipv4.NewPacketConn(packets)
		return d, d.v4.SetControlMessage(ipv4.FlagDst, true)
	}
	d.v6 = ipv6.NewPacketConn(packets)
	return d, d.v6.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
}

// Read fills the buffer with one datagram, and cuts off what is longer. A socket for
// ICMP has port 0 at both ends.
func (d *Datagrams) Read(buffer []byte) (text []byte, from, to netip.AddrPort, err error) {
	var n int
	var source net.Addr
	var destination net.IP
	if d.v4 != nil {
		var how *ipv4.ControlMessage
		if n, how, source, err = d.v4.ReadFrom(buffer); how != nil {
			destination = how.Dst
		}
	} else {
		var how *ipv6.ControlMessage
		if n, how, source, err = d.v6.ReadFrom(buffer); how != nil {
			destination = how.Dst
		}
	}
	if err != nil {
		return nil, from, to, err
	}
	address, _ := netip.AddrFromSlice(destination)
	return buffer[:n], AddrPort(source), netip.AddrPortFrom(address.Unmap(), d.port), nil
}

// Write answers from the address that was meant.
func (d *Datagrams) Write(text []byte, to, from netip.AddrPort) (err error) {
	var receiver net.Addr = net.UDPAddrFromAddrPort(to)
	if d.port == 0 {
		receiver = &net.IPAddr{IP: to.Addr().AsSlice(), Zone: to.Addr().Zone()}
	}
	if d.v4 != nil {
		_, err = d.v4.WriteTo(text, &ipv4.ControlMessage{Src: from.Addr().AsSlice()}, receiver)
		return err
	}
	_, err = d.v6.WriteTo(text, &ipv6.ControlMessage{Src: from.Addr().AsSlice()}, receiver)
	return err
}

// AddrPort is the address of one end of a connection, as the kernel has it; with port 0
// if its protocol has none.
func AddrPort(address net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := address.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	case *net.IPAddr:
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			at = netip.AddrPortFrom(ip.WithZone(a.Zone), 0)
		}
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
