package resolver

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/recent"
)

// clients tells the device from other clients.
type clients struct {
	config Config
	handle *netlink.Handle
	local  []netip.Prefix // the machine's own networks
	own    []netip.Addr   // the machine's own addresses

	mutex sync.Mutex
	mac   net.HardwareAddr // the device's, once it is known
	known *recent.Map[netip.Addr, net.HardwareAddr]
	taken string // who uses the device's address instead of it; "" if nobody does
	asked bool   // somebody has queried, who is not this machine
}

// The table of neighbours is read again for a client after neighbourTime, and
// mostNeighbours limits the clients that are remembered meanwhile.
const (
	neighbourTime  = 2 * time.Second
	mostNeighbours = 1024
)

func newClients(config Config) (c *clients, err error) {
	c = &clients{config: config, mac: config.MAC, known: recent.New[netip.Addr, net.HardwareAddr](mostNeighbours, neighbourTime)}
	if config.Namespace != nil {
		c.handle = config.Namespace.Netlink()
	} else if c.handle, err = netlink.NewHandle(); err != nil {
		return nil, err
	}
	addresses, err := c.handle.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("listing this machine's addresses: %w", err)
	}
	for _, address := range addresses {
		if own, ok := netip.AddrFromSlice(address.IP); ok {
			bits, _ := address.Mask.Size()
			c.own = append(c.own, own.Unmap())
			c.local = append(c.local, netip.PrefixFrom(own.Unmap(), bits).Masked())
		}
	}
	return c, nil
}

func (c *clients) close() {
	if c.config.Namespace == nil {
		c.handle.Close()
	}
}

// client reports who queries from an address. Only hosts of the home are answered: a
// resolver that answers the whole internet is abused.
func (c *clients) client(from netip.Addr) names.Client {
	from = from.Unmap().WithZone("")
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.atHome(from) {
		return names.Stranger
	}
	c.asked = c.asked || !c.ours(from)
	mac := c.neighbour(from)
	switch {
	case c.ours(from):
	case mac != nil && c.mac != nil:
		if from == c.config.Address && !bytes.Equal(mac, c.mac) {
			c.taken = mac.String()
		}
		if bytes.Equal(mac, c.mac) {
			return names.Device
		}
	case c.config.Address.IsValid() && from == c.config.Address:
		if c.mac == nil {
			c.mac = mac
		}
		return names.Device
	case c.mac != nil && c.onLink(from): // it may be the device
		_, _ = c.config.Sockets.Packets.WriteToUDPAddrPort(nil, netip.AddrPortFrom(from, discard))
		return names.Unknown
	}
	return names.Other
}

// discard is a port that nobody answers on (RFC 863). The kernel finds out the MAC
// address of the host to which a datagram goes.
const discard = 9

func (c *clients) ours(from netip.Addr) bool {
	return from.IsLoopback() || slices.Contains(c.own, from)
}

func (c *clients) onLink(from netip.Addr) bool {
	return slices.ContainsFunc(c.local, func(network netip.Prefix) bool { return network.Contains(from) })
}

func (c *clients) atHome(from netip.Addr) bool {
	return from.IsPrivate() || from.IsLoopback() || from.IsLinkLocalUnicast() || c.onLink(from)
}

// neighbour is the MAC address of a host on one of the machine's links, nil if it is
// not known.
func (c *clients) neighbour(from netip.Addr) net.HardwareAddr {
	if mac, known := c.known.Get(from); known {
		return mac
	}
	var mac net.HardwareAddr
	family := netlink.FAMILY_V4
	if from.Is6() {
		family = netlink.FAMILY_V6
	}
	neighbours, _ := c.handle.NeighList(0, family) // without it the address decides
	for _, n := range neighbours {
		if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == from && len(n.HardwareAddr) == 6 && n.State&unusable == 0 {
			mac = n.HardwareAddr
		}
	}
	if mac != nil { // one that is not known yet will be
		c.known.Put(from, mac)
	}
	return mac
}

// unusable are the states of a neighbour of which no MAC address is known.
const unusable = netlink.NUD_INCOMPLETE | netlink.NUD_FAILED | netlink.NUD_NOARP

// forgive begins a window.
func (c *clients) forgive() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.taken = ""
}

// doubt says that another host uses the device's address, if one does.
func (c *clients) doubt() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.taken == "" {
		return ""
	}
	return fmt.Sprintf("%s uses the device's address %s, and the device is %s", c.taken, c.config.Address, c.mac)
}

// used reports whether a host other than this machine has queried.
func (c *clients) used() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.asked
}
