package dhcp

import (
	"net"
	"net/netip"
	"time"
)

// Lease is what a server tells a client.
type Lease struct {
	Address  netip.Prefix // the client's, with the length of its network
	Router   netip.Addr   // invalid where the server names none
	Resolver netip.Addr   // the first that the server names; invalid where it names none
	Time     time.Duration
}

// usualTime is that of a lease which says nothing. A device asks again at half
// of it (RFC 2131, 4.4.5), and so finds the home's own server soon after the
// gateway has gone.
const usualTime = 10 * time.Minute

func addressOf(ip net.IP) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap()
}

// first is the first of a list of addresses; invalid if there is none.
func first(list []net.IP) netip.Addr {
	if len(list) == 0 {
		return netip.Addr{}
	}
	return addressOf(list[0])
}
