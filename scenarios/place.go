package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"time"
)

// Place is a spot in the network from where checks are made. All that a scenario
// sends leaves by these functions, so that it never goes out of the machine's
// own network by accident. The zero Place is this process's own.
type Place struct {
	// Dial connects to an IP address and port, as net.Dialer.DialContext does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Packets opens a socket for datagrams, as net.ListenConfig.ListenPacket does.
	Packets func(ctx context.Context, network, address string) (net.PacketConn, error)

	// Command prepares a program that runs in the place, and the function that
	// runs it to its end.
	Command func(ctx context.Context, name string, args ...string) (command *exec.Cmd, run func() error)

	// Resolver is asked for names. The zero value is the machine's own.
	Resolver netip.AddrPort
}

var errNoResolver = errors.New("nobody can be asked for names here: write an address")

// dial connects to a host, which may be a name, and a port.
func (p Place) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := p.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, candidate := range addresses {
		conn, err = p.dialAddress(ctx, network, net.JoinHostPort(candidate.String(), port))
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (p Place) dialAddress(ctx context.Context, network, address string) (net.Conn, error) {
	if p.Dial == nil {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return p.Dial(ctx, network, address)
}

// lookup finds the addresses of a host; those of an address are itself.
func (p Place) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	if p.Dial != nil && !p.Resolver.IsValid() {
		return nil, fmt.Errorf("%s: %w", host, errNoResolver)
	}
	resolver := &net.Resolver{}
	if p.Resolver.IsValid() {
		resolver.PreferGo = true
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return p.dialAddress(ctx, network, p.Resolver.String())
		}
	}
	addresses, err := resolver.LookupNetIP(ctx, "ip", host)
	for i, address := range addresses {
		addresses[i] = address.Unmap()
	}
	return addresses, err
}

// packets opens a socket for datagrams.
func (p Place) packets(ctx context.Context, network, address string) (net.PacketConn, error) {
	if p.Packets == nil {
		return new(net.ListenConfig).ListenPacket(ctx, network, address)
	}
	return p.Packets(ctx, network, address)
}

// command prepares a program.
func (p Place) command(ctx context.Context, name string, args ...string) (*exec.Cmd, func() error) {
	if p.Command == nil {
		command := exec.CommandContext(ctx, name, args...)
		return command, command.Run
	}
	return p.Command(ctx, name, args...)
}

// web is a client that keeps no connection: a block may have broken it unseen.
func (p Place) web() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         p.dial,
		DisableKeepAlives:   true,
		TLSHandshakeTimeout: 10 * time.Second,
	}}
}
