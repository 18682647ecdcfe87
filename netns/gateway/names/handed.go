package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/sockets"
)

// Sockets are where a resolver is queried at one address of the machine. An ordinary
// user can open them if the port allows it, and hand them to another process: what
// comes in while neither reads waits in the kernel.
type Sockets struct {
	Packets *net.UDPConn
	Streams *net.TCPListener
}

// OpenSockets opens them in the network namespace of the thread. The error says what
// to do if the port is in use, or not allowed.
func OpenSockets(ctx context.Context, at netip.AddrPort) (s Sockets, err error) {
	version := "4"
	if at.Addr().Is6() {
		version = "6"
	}
	var config net.ListenConfig
	packets, err := config.ListenPacket(ctx, "udp"+version, at.String())
	if err != nil {
		return s, unopened(at, err)
	}
	s.Packets = packets.(*net.UDPConn)
	config.SetMultipathTCP(false)
	streams, err := config.Listen(ctx, "tcp"+version, at.String())
	if err != nil {
		return s, errors.Join(unopened(at, err), packets.Close())
	}
	s.Streams = streams.(*net.TCPListener)
	return s, nil
}

func unopened(at netip.AddrPort, err error) error {
	port := at.Port()
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("port %d of %s is in use: stop what listens there ('ss -lnp sport = :%d' names it), or answer on another address of this machine (gateway: {listen: …}): %w", port, at.Addr(), port, err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("this user may not open port %d: run it with sudo, or allow it with 'sudo setcap cap_net_bind_service=+ep' on the program, "+
			"or with 'sudo sysctl net.ipv4.ip_unprivileged_port_start=%d': %w", port, port, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: correct gateway: {listen: …} in the spec: %w", at.Addr(), err)
	}
	return fmt.Errorf("opening port %d of %s: %w", port, at.Addr(), err)
}

// Files are the sockets as another process inherits them, in the order in which
// [SocketsOf] takes them. The caller closes them.
func (s Sockets) Files() (files []*os.File, err error) {
	packets, err := s.Packets.File()
	if err != nil {
		return nil, err
	}
	streams, err := s.Streams.File()
	if err != nil {
		return nil, errors.Join(err, packets.Close())
	}
	return []*os.File{packets, streams}, nil
}

// SocketsOf are the sockets that another process handed on. It closes the files.
func SocketsOf(packets, streams *os.File) (s Sockets, err error) {
	defer packets.Close()
	defer streams.Close()
	connection, err := net.FilePacketConn(packets)
	if err != nil {
		return s, err
	}
	listener, err := net.FileListener(streams)
	if err != nil {
		return s, errors.Join(err, connection.Close())
	}
	udp, isUDP := connection.(*net.UDPConn)
	tcp, isTCP := listener.(*net.TCPListener)
	if !isUDP || !isTCP {
		return s, errors.Join(errors.New("these are not the sockets of a resolver"), connection.Close(), listener.Close())
	}
	return Sockets{udp, tcp}, nil
}

// Close closes both.
func (s Sockets) Close() error { return errors.Join(s.Packets.Close(), s.Streams.Close()) }

func (s Sockets) datagrams() (*sockets.Datagrams, error) {
	at := s.Packets.LocalAddr().(*net.UDPAddr).AddrPort()
	version := "6"
	if at.Addr().Unmap().Is4() {
		version = "4"
	}
	return sockets.NewDatagrams(s.Packets, at.Port(), version)
}

// Unblock makes sure that reads can be interrupted: handing the sockets to another
// process undoes that.
func (s Sockets) Unblock() error {
	var errs []error
	for _, socket := range []syscall.Conn{s.Packets, s.Streams} {
		raw, err := socket.SyscallConn()
		if err == nil {
			broken := raw.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), true) })
			err = errors.Join(broken, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// InUse reports whether another program has the port.
func InUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
