package dhcp

import (
	"bytes"
	"fmt"
	"net"
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"

	"github.com/needwant/needwant/netns"
)

// Server has one lease for one client.
type Server struct {
	lease  Lease
	own    net.IP
	notify func(Event)
	socket net.PacketConn
	work   sync.WaitGroup

	mutex  sync.Mutex
	client net.HardwareAddr
}

// Event is what a server tells of: a client got the lease, or was ignored
// because the lease is another's.
type Event struct {
	MAC     net.HardwareAddr
	Granted bool
}

// Serve answers on a link of the namespace until Close. The lease's router is
// the address that the link has there. Only the client with this hardware
// address is answered; nil stands for the first that asks. Notify may be nil.
func Serve(namespace *netns.Namespace, link string, client net.HardwareAddr, lease Lease, notify func(Event)) (*Server, error) {
	if lease.Time == 0 {
		lease.Time = usualTime
	}
	if notify == nil {
		notify = func(Event) {}
	}
	s := &Server{lease: lease, own: lease.Router.AsSlice(), notify: notify, client: client}
	err := namespace.Do(func() (err error) {
		s.socket, err = server4.NewIPv4UDPConn(link, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("answering DHCP on %s: %w", link, err)
	}
	server, err := server4.NewServer(link, nil, s.answer, server4.WithConn(s.socket))
	if err != nil {
		return nil, fmt.Errorf("answering DHCP on %s: %w", link, err)
	}
	s.work.Go(func() { _ = server.Serve() }) // it ends with an error, by Close
	return s, nil
}

// Close stops answering.
func (s *Server) Close() error {
	err := s.socket.Close()
	s.work.Wait()
	return err
}

// answer takes one message of a client.
func (s *Server) answer(socket net.PacketConn, peer net.Addr, message *dhcpv4.DHCPv4) {
	if message.OpCode != dhcpv4.OpcodeBootRequest {
		return
	}
	if !s.serves(message.ClientHWAddr) {
		s.notify(Event{MAC: message.ClientHWAddr})
		return
	}
	kind := s.kind(message)
	if kind == dhcpv4.MessageTypeNone {
		return
	}
	reply, err := s.reply(message, kind)
	if err != nil {
		return // a message that no reply can be made to
	}
	if kind == dhcpv4.MessageTypeNak {
		peer = &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
	}
	if kind == dhcpv4.MessageTypeAck {
		s.notify(Event{MAC: message.ClientHWAddr, Granted: true})
	}
	_, _ = socket.WriteTo(reply.ToBytes(), peer) // a client that got no reply asks again
}

// serves tells whether the lease is for this client.
func (s *Server) serves(mac net.HardwareAddr) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client == nil {
		s.client = bytes.Clone(mac)
	}
	return bytes.Equal(s.client, mac)
}

// kind is that of the reply to a message; none where there is no reply.
func (s *Server) kind(message *dhcpv4.DHCPv4) dhcpv4.MessageType {
	if server := message.ServerIdentifier(); server != nil && !server.Equal(s.own) {
		return dhcpv4.MessageTypeNone // for another server
	}
	switch message.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return dhcpv4.MessageTypeOffer
	case dhcpv4.MessageTypeInform:
		return dhcpv4.MessageTypeAck
	case dhcpv4.MessageTypeRequest:
		if s.wants(message).Equal(s.lease.Address.Addr().AsSlice()) {
			return dhcpv4.MessageTypeAck
		}
		return dhcpv4.MessageTypeNak // of a lease from before, elsewhere
	}
	return dhcpv4.MessageTypeNone
}

// wants is the address that a request is about (RFC 2131, 4.3.2).
func (s *Server) wants(request *dhcpv4.DHCPv4) net.IP {
	if asked := request.RequestedIPAddress(); asked != nil {
		return asked
	}
	return request.ClientIPAddr
}

func (s *Server) reply(message *dhcpv4.DHCPv4, kind dhcpv4.MessageType) (*dhcpv4.DHCPv4, error) {
	modifiers := []dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(s.own))}
	if kind == dhcpv4.MessageTypeNak {
		return dhcpv4.NewReplyFromRequest(message, modifiers...)
	}
	address := s.lease.Address
	modifiers = append(modifiers,
		dhcpv4.WithServerIP(s.own),
		dhcpv4.WithNetmask(net.CIDRMask(address.Bits(), address.Addr().BitLen())),
		dhcpv4.WithOption(dhcpv4.OptRouter(s.lease.Router.AsSlice())),
		dhcpv4.WithOption(dhcpv4.OptDNS(s.lease.Resolver.AsSlice())),
	)
	if message.MessageType() != dhcpv4.MessageTypeInform {
		modifiers = append(modifiers,
			dhcpv4.WithYourIP(address.Addr().AsSlice()),
			dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(s.lease.Time)))
	}
	return dhcpv4.NewReplyFromRequest(message, modifiers...)
}
