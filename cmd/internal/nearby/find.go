// Package nearby finds the devices of a home network by what they answer to mDNS and SSDP,
// and names the makers of MAC addresses.
//
// Any host of the network can answer, and with anything. What is kept of answers is limited,
// and names are texts that nobody vouches for.
package nearby

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// Device is a host that answered.
type Device struct {
	Address netip.Addr
	Name    string // as the device calls itself; "" if it does not
}

const (
	mostDevices   = 64   // that are found
	mostAnswers   = 4096 // that are read, per interface
	longestAnswer = 9000 // bytes, as mDNS has it
	longestName   = 40   // characters
)

// again is when the queries are sent a second time: radios lose what is sent to all.
const again = 500 * time.Millisecond

// Find sends queries on every interface, and listens until ctx ends. Each device that
// answers gets one more query, sent to it alone, so that this machine learns its MAC
// address. The devices are valid even if there is an error: that of each interface on which
// no query could be sent.
func Find(ctx context.Context) ([]Device, error) {
	found := &finding{names: map[netip.Addr]name{}}
	err := found.search(ctx)
	return found.devices(), err
}

// search asks and listens on every interface until ctx ends.
func (f *finding) search(ctx context.Context) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	var listening sync.WaitGroup
	var failed []error
	for _, link := range links {
		if link.Flags&net.FlagUp == 0 || link.Flags&net.FlagMulticast == 0 || link.Flags&net.FlagLoopback != 0 {
			continue
		}
		for _, prefix := range prefixes(link) {
			conn, err := open(link, prefix.Addr())
			if err != nil {
				failed = append(failed, err)
				continue
			}
			listening.Go(func() { f.listen(ctx, conn, prefix) })
		}
	}
	listening.Wait()
	return errors.Join(failed...)
}

// prefixes are the IPv4 addresses of an interface, with the networks that they are in.
func prefixes(link net.Interface) (all []netip.Prefix) {
	addresses, _ := link.Addrs() // of an interface that is gone there are none
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().Is4() {
			all = append(all, prefix)
		}
	}
	return all
}

// open is a socket that sends to all hosts of an interface's network.
func open(link net.Interface, address netip.Addr) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
	if err != nil {
		return nil, err
	}
	packets := ipv4.NewPacketConn(conn)
	const hops = 4 // as UPnP has it; no router forwards these groups
	if err := errors.Join(packets.SetMulticastInterface(&link), packets.SetMulticastTTL(hops)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// finding is what was found so far.
type finding struct {
	mu    sync.Mutex
	names map[netip.Addr]name
}

// name is what a device calls itself, and how well that says what it is.
type name struct {
	text string
	rank int
}

// listen asks the hosts of a network, and reads what they answer, until ctx ends.
func (f *finding) listen(ctx context.Context, conn *net.UDPConn, network netip.Prefix) {
	var asking sync.WaitGroup
	defer asking.Wait()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the reading
	defer stop()
	asking.Go(func() {
		ask(conn, mdnsGroup, ssdpGroup)
		select {
		case <-ctx.Done():
		case <-time.After(again):
			ask(conn, mdnsGroup, ssdpGroup)
		}
	})
	packet := make([]byte, longestAnswer)
	for range mostAnswers {
		size, from, err := conn.ReadFromUDPAddrPort(packet)
		if err != nil {
			break
		}
		host := from.Addr().Unmap()
		if network.Contains(host) && host != network.Addr() && f.note(host, named(packet[:size])) {
			ask(conn, netip.AddrPortFrom(host, mdnsGroup.Port()))
		}
	}
	_ = conn.Close() // after too many answers
}

// ask sends the query of each group. One that is lost is a device that is not found.
func ask(conn *net.UDPConn, to ...netip.AddrPort) {
	for _, address := range to {
		query := mdnsQuery
		if address.Port() == ssdpGroup.Port() {
			query = ssdpQuery
		}
		_, _ = conn.WriteToUDPAddrPort(query, address)
	}
}

// note keeps a device with its best name, and reports whether it is new.
func (f *finding) note(host netip.Addr, said name) (fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, has := f.names[host]
	if !has && len(f.names) >= mostDevices {
		return false
	}
	if !has || said.rank > known.rank {
		f.names[host] = said
	}
	return !has
}

func (f *finding) devices() (all []Device) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for address, name := range f.names {
		all = append(all, Device{address, name.text})
	}
	slices.SortFunc(all, func(a, b Device) int { return a.Address.Compare(b.Address) })
	return all
}
