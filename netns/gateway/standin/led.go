package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

// LedPort is the port of this machine that packets for a kind are brought to in shared
// tables; 0 if they have none.
func LedPort(kind harness.StandIn) uint16 {
	switch kind {
	case harness.EchoReply:
		return 0
	case harness.Resolver:
		return chains.SharedResolver
	}
	return chains.SharedStandIns + uint16(slices.Index(harness.AllStandIns(), kind))
}

// port is where the server of a kind listens.
func (c Config) port(kind harness.StandIn, usual uint16) uint16 {
	if c.Led != nil {
		return LedPort(kind)
	}
	return usual
}

// explained says what to do about a port that another program has.
func (c Config) explained(kind harness.StandIn, err error) error {
	if c.Led != nil && errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("port %d of this machine is in use: stop what listens there ('ss -lnp sport = :%[1]d' names it), or leave the stand-in out: %w", LedPort(kind), err)
	}
	return err
}

// listen accepts connections. The local address of each is the one that was meant.
func (s *Servers) listen(ctx context.Context, at sockets.Config) (net.Listener, error) {
	listener, err := sockets.Listen(ctx, s.config.Namespace, at)
	if err != nil {
		return nil, err
	}
	return arrivals{listener, s}, nil
}

// arrivals is a listener that notes for which places connections arrive.
type arrivals struct {
	net.Listener
	servers *Servers
}

func (a arrivals) Accept() (net.Conn, error) {
	connection, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	meant := a.servers.meant(harness.TCP, sockets.AddrPort(connection.RemoteAddr()), sockets.AddrPort(connection.LocalAddr()), 0)
	a.servers.takes(harness.TCP, meant)
	return arrived{connection, net.TCPAddrFromAddrPort(meant)}, nil
}

// arrived is a connection that was meant for another address than the one it has.
type arrived struct {
	net.Conn
	meant net.Addr
}

func (a arrived) LocalAddr() net.Addr { return a.meant }
