package dhcp

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// timeOffer is what a server says about time servers.
type timeOffer struct {
	servers []net.IP      // named in every lease from now on
	granted chan struct{} // closed when the client has a lease from after the last change
	told    bool          // that lease names these servers
	wanted  bool          // the client has asked for time servers
}

// OfferTime names time servers (option 42, RFC 2132) in each lease from now on, to a client
// that asks for them. None names no server.
func (s *Server) OfferTime(servers ...netip.Addr) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.time.servers, s.time.told, s.time.granted = nil, false, make(chan struct{})
	for _, server := range servers {
		s.time.servers = append(s.time.servers, server.AsSlice())
	}
}

// Renewed waits until the client has a lease from after the last OfferTime, or is overdue to
// renew the one from before. The error is that of ctx.
func (s *Server) Renewed(ctx context.Context) error {
	s.mutex.Lock()
	granted := s.time.granted
	s.mutex.Unlock()
	select {
	case <-granted:
		return nil
	case <-time.After(s.Renewal()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Renewal is when a client is overdue to renew its lease. It does so at half of it
// (RFC 2131, 4.4.5), and may need more than one try.
func (s *Server) Renewal() time.Duration { return s.lease.Time*5/8 + time.Second }

// ToldTime reports whether the client has a lease with the time servers of the last
// OfferTime.
func (s *Server) ToldTime() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.time.told
}

// AsksTime reports whether the client has ever asked for time servers.
func (s *Server) AsksTime() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.time.wanted
}

// timeServers are those to be named in the reply to a message.
func (s *Server) timeServers(message *dhcpv4.DHCPv4) []net.IP {
	if !message.IsOptionRequested(dhcpv4.OptionNTPServers) {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.time.wanted = true
	return s.time.servers
}

// renewed notes a lease that was granted.
func (s *Server) renewed(reply *dhcpv4.DHCPv4) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	named := reply.NTPServers()
	if len(named) != len(s.time.servers) { // it was made before the last change, or the client does not ask
		return
	}
	s.time.told = len(named) > 0
	select {
	case <-s.time.granted:
	default:
		close(s.time.granted)
	}
}
