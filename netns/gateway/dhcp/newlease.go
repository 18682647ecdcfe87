package dhcp

import (
	"context"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// newLease is how far the client is on its way to a lease that it asks for from the beginning.
type newLease struct {
	rejected chan struct{} // closed when a renewal was rejected; nil if renewals are granted
	at       time.Time     // when the first one was; zero if none was
	granted  chan struct{} // closed when the client has the lease
}

// NewLease rejects the client's renewals (RFC 2131, 4.3.2) until it asks for a lease from the beginning, and waits until it
// has one. began is when the first renewal was rejected; zero if the client has no lease of this server, or did not
// renew it in time. The error is that of ctx.
//
// A message that tells the client to renew (FORCERENEW, RFC 3203) does nothing: udhcpc 1.35, dhclient 4.4 and dhcpcd 9.4 ignore it.
func (s *Server) NewLease(ctx context.Context) (began time.Time, err error) {
	s.mutex.Lock()
	s.fresh = newLease{rejected: make(chan struct{}), granted: make(chan struct{})}
	rejected, granted, leased := s.fresh.rejected, s.fresh.granted, s.leased
	s.mutex.Unlock()
	if leased && s.awaits(ctx, rejected) {
		s.awaits(ctx, granted)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	began, s.fresh = s.fresh.at, newLease{}
	return began, ctx.Err()
}

// awaits reports whether something is done before the client is overdue.
func (s *Server) awaits(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-time.After(s.Renewal()):
	case <-ctx.Done():
	}
	return false
}

// rejects reports whether a message is a renewal that is to be rejected.
func (s *Server) rejects(message *dhcpv4.DHCPv4) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.fresh.rejected == nil || !renews(message) {
		return false
	}
	if s.fresh.at.IsZero() {
		s.fresh.at = time.Now()
		close(s.fresh.rejected)
	}
	return true
}

// gives notes a lease that is about to be granted. Once the client has the answer, NewLease may be called, and
// this lease must not be taken for the new one.
func (s *Server) gives(request *dhcpv4.DHCPv4) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if request.MessageType() != dhcpv4.MessageTypeRequest {
		return
	}
	if s.leased = true; s.fresh.at.IsZero() {
		return
	}
	select {
	case <-s.fresh.granted:
	default:
		close(s.fresh.granted)
	}
}

// renews reports whether a request is for more time for a lease that the client has (RFC 2131, 4.3.2, RENEWING and REBINDING).
func renews(request *dhcpv4.DHCPv4) bool {
	return request.MessageType() == dhcpv4.MessageTypeRequest && request.RequestedIPAddress() == nil && !request.ClientIPAddr.IsUnspecified()
}
