package lab

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// dial opens a socket of the device's, and counts under the name given what the
// device really sends: a SYN when the stream's connect begins, a datagram when
// the kernel has taken it. A contact that runs out of time before it sends
// anything is none.
func (d *device) dial(ctx context.Context, name, network string, to netip.AddrPort) (connection net.Conn, err error) {
	var dialer net.Dialer
	if network == "tcp" {
		dialer.Control = func(string, string, syscall.RawConn) error {
			d.attempts.add(name)
			return nil
		}
	}
	err = d.namespace.Do(func() error {
		connection, err = dialer.DialContext(ctx, network, to.String())
		return err
	})
	if socket, ok := connection.(*net.UDPConn); ok {
		return &countedSocket{socket, func() { d.attempts.add(name) }}, nil
	}
	return connection, err
}

// countedSocket counts the datagrams that it sends.
type countedSocket struct {
	*net.UDPConn
	sent func()
}

func (c *countedSocket) Write(datagram []byte) (int, error) {
	n, err := c.UDPConn.Write(datagram)
	if err == nil {
		c.sent()
	}
	return n, err
}

// tally counts by name.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[name]++
}

func (t *tally) all() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}
