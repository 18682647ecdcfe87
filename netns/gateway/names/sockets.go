package names

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

// The sockets of a forwarder take what comes in by one link, for whatever
// address, and answer from the address that was asked (IP_TRANSPARENT): the
// device cannot tell that it was not who it meant that answered.

func listen(ctx context.Context, namespace *netns.Namespace, c Config, version string) (listener net.Listener, err error) {
	config := net.ListenConfig{Control: c.catching(version)}
	config.SetMultipathTCP(false)
	err = namespace.Do(func() error {
		listener, err = config.Listen(ctx, "tcp"+version, c.anywhere(version))
		return err
	})
	return listener, err
}

func listenPacket(ctx context.Context, namespace *netns.Namespace, c Config, version string) (*datagrams, error) {
	config := net.ListenConfig{Control: c.catching(version)}
	d := &datagrams{port: c.Port}
	err := namespace.Do(func() (err error) {
		d.PacketConn, err = config.ListenPacket(ctx, "udp"+version, c.anywhere(version))
		return err
	})
	if err != nil {
		return nil, err
	}
	if version == "4" {
		d.v4 = ipv4.NewPacketConn(d.PacketConn)
		return d, d.v4.SetControlMessage(ipv4.FlagDst, true)
	}
	d.v6 = ipv6.NewPacketConn(d.PacketConn)
	return d, d.v6.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
}

func (c Config) anywhere(version string) string {
	if version == "4" {
		return fmt.Sprintf("0.0.0.0:%d", c.Port)
	}
	return fmt.Sprintf("[::]:%d", c.Port)
}

func (c Config) catching(version string) func(network, address string, raw syscall.RawConn) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if version == "6" {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	return func(_, _ string, raw syscall.RawConn) (err error) {
		broken := raw.Control(func(socket uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(socket), level, option, 1),
				unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)) // which Go sets
			if c.Link != "" {
				err = errors.Join(err, unix.SetsockoptString(int(socket), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, c.Link))
			}
			if c.MAC != nil {
				err = errors.Join(err, netns.AcceptOnly(socket, c.MAC, c.from(version)))
			}
		})
		return errors.Join(broken, err)
	}
}

// from is the only source address of a family that is answered; invalid is any.
func (c Config) from(version string) netip.Addr {
	if version == "6" {
		return netip.Addr{}
	}
	return c.From
}

// dialUpstream opens a connection for one query. It cannot send to a broadcast
// address, for which Go opens every UDP socket: such a query would come back to the
// forwarder, and reach every host.
func dialUpstream(ctx context.Context, namespace *netns.Namespace, protocol string, upstream netip.AddrPort) (connection net.Conn, err error) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		broken := raw.Control(func(socket uintptr) {
			err = unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
		})
		return errors.Join(broken, err)
	}}
	dial := func() error {
		connection, err = dialer.DialContext(ctx, protocol, upstream.String())
		return err
	}
	if namespace == nil {
		err = dial()
	} else {
		err = namespace.Do(dial)
	}
	return connection, err
}

// datagrams tells of each datagram who it was sent to.
type datagrams struct {
	net.PacketConn
	port uint16 // of all
	v4   *ipv4.PacketConn
	v6   *ipv6.PacketConn
}

// read returns one datagram of at most 4096 bytes; questions have a few hundred.
func (d *datagrams) read() (text []byte, from, to netip.AddrPort, err error) {
	const longest = 4096
	text = make([]byte, longest)
	var n int
	var source net.Addr
	var destination net.IP
	if d.v4 != nil {
		var how *ipv4.ControlMessage
		if n, how, source, err = d.v4.ReadFrom(text); how != nil {
			destination = how.Dst
		}
	} else {
		var how *ipv6.ControlMessage
		if n, how, source, err = d.v6.ReadFrom(text); how != nil {
			destination = how.Dst
		}
	}
	if err != nil {
		return nil, from, to, err
	}
	address, _ := netip.AddrFromSlice(destination)
	return text[:n], addrPort(source), netip.AddrPortFrom(address.Unmap(), d.port), nil
}

// write answers from the address that was asked.
func (d *datagrams) write(text []byte, to, from netip.AddrPort) (err error) {
	receiver := net.UDPAddrFromAddrPort(to)
	if d.v4 != nil {
		_, err = d.v4.WriteTo(text, &ipv4.ControlMessage{Src: from.Addr().AsSlice()}, receiver)
		return err
	}
	_, err = d.v6.WriteTo(text, &ipv6.ControlMessage{Src: from.Addr().AsSlice()}, receiver)
	return err
}

// addrPort is the address of one end of a connection, as the kernel has it.
func addrPort(address net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := address.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
