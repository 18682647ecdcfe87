package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

func (c Config) socket(version string) sockets.Config {
	return sockets.Config{Link: c.Link, MAC: c.MAC, From: c.From, Port: c.Port, Version: version}
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
