package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// DialFunc has the shape of net.Dialer.DialContext, as http.Transport wants it.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dial connects from the namespace. The address is an IP literal with a port: a
// name is refused, since it would be resolved outside of the namespace.
func (n *Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return n.DialFrom(netip.Addr{})(ctx, network, address)
}

// DialFrom is [Namespace.Dial] from one of the namespace's own addresses. The
// zero address leaves the choice to the kernel.
func (n *Namespace) DialFrom(local netip.Addr) DialFunc {
	return func(ctx context.Context, network, address string) (connection net.Conn, err error) {
		if _, err := netip.ParseAddrPort(address); err != nil {
			return nil, fmt.Errorf("dialling %s in a namespace: write an IP address and a port: %w", address, err)
		}
		dialer := net.Dialer{LocalAddr: localAddress(network, local)}
		err = n.Do(func() error {
			connection, err = dialer.DialContext(ctx, network, address)
			return err
		})
		return connection, err
	}
}

func localAddress(network string, local netip.Addr) net.Addr {
	if !local.IsValid() {
		return nil
	}
	from := netip.AddrPortFrom(local, 0)
	if len(network) >= 3 && network[:3] == "udp" {
		return net.UDPAddrFromAddrPort(from)
	}
	return net.TCPAddrFromAddrPort(from)
}

// Listen accepts stream connections in the namespace. An open listener keeps
// the namespace alive. Multipath TCP, which Go listens with by default, is off.
func (n *Namespace) Listen(ctx context.Context, network, address string) (listener net.Listener, err error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	err = n.Do(func() error {
		listener, err = config.Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// ListenPacket receives datagrams in the namespace. An open socket keeps the
// namespace alive.
func (n *Namespace) ListenPacket(ctx context.Context, network, address string) (packets net.PacketConn, err error) {
	err = n.Do(func() error {
		packets, err = new(net.ListenConfig).ListenPacket(ctx, network, address)
		return err
	})
	return packets, err
}
