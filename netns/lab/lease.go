package lab

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// timePort is where time servers answer (RFC 5905).
const timePort = 123

// clocks are the time servers that DHCP names.
type clocks struct {
	mu      sync.Mutex
	servers []netip.Addr
}

func (c *clocks) named() []netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.servers
}

func (c *clocks) name(servers []netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers = servers
}

// keepLease renews the device's lease at half of its time, and uses the time servers that
// it names. If the renewal is rejected, it asks from the beginning. While nobody answers it asks once in each of the tempo's contacts.
// The device has its address all the time.
func (l *life) keepLease(ctx context.Context) {
	for ctx.Err() == nil {
		wait := l.world.Tempo.Contact
		if lease, err := l.renew(ctx); err == nil {
			var servers []netip.Addr
			for _, server := range lease.NTPServers() {
				if address, ok := netip.AddrFromSlice(server.To4()); ok {
					servers = append(servers, address)
				}
			}
			l.clocks.name(servers)
			wait = lease.IPAddressLeaseTime(time.Minute) / 2
		}
		rest(ctx, wait)
	}
}

// renew asks the gateway for more time (RFC 2131, 4.3.2, RENEWING), and for time servers.
func (l *life) renew(ctx context.Context) (lease *dhcpv4.DHCPv4, err error) {
	own := net.ParseIP(deviceV4)
	lease, err = l.ask(ctx, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(own))
	if err != nil || lease.MessageType() != dhcpv4.MessageTypeNak {
		return lease, err
	}
	if _, err := l.ask(ctx, dhcpv4.MessageTypeDiscover); err != nil {
		return nil, err
	}
	lease, err = l.ask(ctx, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(own)))
	if err == nil {
		l.leased.ring()
	}
	return lease, err
}

// ask sends the gateway a message and returns its reply.
func (l *life) ask(ctx context.Context, kind dhcpv4.MessageType, with ...dhcpv4.Modifier) (reply *dhcpv4.DHCPv4, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.world.Tempo.Contact)
	defer cancel()
	mac, _ := net.ParseMAC(deviceMAC) // a constant
	request, err := dhcpv4.New(append(with, dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(mac), dhcpv4.WithRequestedOptions(dhcpv4.OptionNTPServers))...)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(deviceV4), Port: dhcpv4.ClientPort}}
	var connection net.Conn
	err = l.namespace.Do(func() error {
		connection, err = dialer.DialContext(ctx, "udp4", netip.AddrPortFrom(netip.MustParseAddr(insideV4), dhcpv4.ServerPort).String())
		return err
	})
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	defer until(ctx, connection)()
	err = converse(connection, request.ToBytes(), func(received []byte) bool {
		reply, err = dhcpv4.FromBytes(received)
		return err == nil && reply.TransactionID == request.TransactionID
	})
	return reply, err
}
