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
	address := to.String()
	if network == ICMP {
		network, address = rawICMP(to.Addr()), to.Addr().String()
	}
	err = d.namespace.Do(func() error {
		connection, err = dialer.DialContext(ctx, network, address)
		return err
	})
	sent := func() { d.attempts.add(name) }
	switch socket := connection.(type) {
	case *net.UDPConn:
		return &countedSocket{socket, sent}, nil
	case *net.IPConn:
		return &pingSocket{socket, sent}, nil
	}
	return connection, err
}

// rawICMP is Go's name for ICMP in the family of an address.
func rawICMP(address netip.Addr) string {
	if address.Is6() {
		return "ip6:ipv6-icmp"
	}
	return "ip4:icmp"
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

// pingSocket is a raw socket that counts what it sends. Its Read leaves the IPv4
// header out.
type pingSocket struct {
	*net.IPConn
	sent func()
}

func (c *pingSocket) Write(request []byte) (int, error) {
	n, err := c.IPConn.Write(request)
	if err == nil {
		c.sent()
	}
	return n, err
}

func (c *pingSocket) Read(buffer []byte) (int, error) {
	n, _, err := c.IPConn.ReadFrom(buffer)
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
