package dhcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Server has one lease for one client.
type Server struct {
	lease   Lease
	own     net.IP
	granted func(net.HardwareAddr)
	socket  net.PacketConn
	work    sync.WaitGroup

	mutex  sync.Mutex
	client net.HardwareAddr // nil until it is known
	time   timeOffer
	leased bool // the client was given a lease
	fresh  newLease
}

// Serve answers on an interface of the namespace until Close. The lease's router
// is the address that the interface has there. Only the client with this MAC
// address is answered. With nil it is the first that asks, and no other from then
// on: use that only on an interface that leads to no other client. Granted is
// called for each lease, and may be nil.
func Serve(namespace *netns.Namespace, link string, client net.HardwareAddr, lease Lease, granted func(net.HardwareAddr)) (*Server, error) {
	if lease.Time == 0 {
		lease.Time = usualTime
	}
	if granted == nil {
		granted = func(net.HardwareAddr) {}
	}
	s := &Server{lease: lease, own: lease.Router.AsSlice(), granted: granted, client: client, time: timeOffer{granted: make(chan struct{})}}
	if err := s.listen(namespace, link); err != nil {
		return nil, fmt.Errorf("answering DHCP on %s: %w", link, err)
	}
	server, err := server4.NewServer(link, nil, s.answer, server4.WithConn(s.socket))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("answering DHCP on %s: %w", link, err), s.socket.Close())
	}
	s.work.Go(func() { _ = server.Serve() }) // it ends with an error, by Close
	return s, nil
}

// listen opens the socket, which is limited to the client before it receives
// anything.
func (s *Server) listen(namespace *netns.Namespace, link string) error {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		broken := raw.Control(func(socket uintptr) {
			err = unix.SetsockoptString(int(socket), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, link)
			if s.client != nil {
				err = errors.Join(err, netns.AcceptOnly(socket, s.client, netip.Addr{}))
			}
		})
		return errors.Join(broken, err)
	}}
	return namespace.Do(func() (err error) {
		s.socket, err = config.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", dhcpv4.ServerPort))
		return err
	})
}

// Close stops answering.
func (s *Server) Close() error {
	err := s.socket.Close()
	s.work.Wait()
	return err
}

// Client is the only client that is answered; nil until it is known.
func (s *Server) Client() net.HardwareAddr {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.client
}

// answer takes one message of a client.
func (s *Server) answer(socket net.PacketConn, peer net.Addr, message *dhcpv4.DHCPv4) {
	if message.OpCode != dhcpv4.OpcodeBootRequest {
		return
	}
	if !s.serves(message.ClientHWAddr) {
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
		if renews(message) { // dhcpcd receives only what is sent to its address
			_, _ = socket.WriteTo(reply.ToBytes(), peer)
		}
		peer = &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
	}
	if kind == dhcpv4.MessageTypeAck {
		s.granted(message.ClientHWAddr)
		s.gives(message)
	}
	_, _ = socket.WriteTo(reply.ToBytes(), peer) // a client that got no reply asks again
	if kind == dhcpv4.MessageTypeAck {
		s.renewed(reply)
	}
}

// serves reports whether the lease is for this client. An unknown client is the
// first that asks.
func (s *Server) serves(mac net.HardwareAddr) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client == nil && s.keep(mac) != nil {
		return false
	}
	return bytes.Equal(s.client, mac)
}

// Keep answers this client alone from now on.
func (s *Server) Keep(client net.HardwareAddr) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.keep(client)
}

func (s *Server) keep(client net.HardwareAddr) error {
	raw, err := s.socket.(*net.UDPConn).SyscallConn()
	if err != nil {
		return err
	}
	broken := raw.Control(func(socket uintptr) { err = netns.AcceptOnly(socket, client, netip.Addr{}) })
	if err := errors.Join(broken, err); err != nil {
		return err
	}
	s.client = bytes.Clone(client)
	return nil
}

// kind is that of the reply to a message; none if there is no reply.
func (s *Server) kind(message *dhcpv4.DHCPv4) dhcpv4.MessageType {
	if server := message.ServerIdentifier(); server != nil && !server.Equal(s.own) {
		return dhcpv4.MessageTypeNone // for another server
	}
	if s.rejects(message) {
		return dhcpv4.MessageTypeNak
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
	if servers := s.timeServers(message); len(servers) > 0 {
		modifiers = append(modifiers, dhcpv4.WithOption(dhcpv4.OptNTPServers(servers...)))
	}
	if message.MessageType() != dhcpv4.MessageTypeInform {
		modifiers = append(modifiers,
			dhcpv4.WithYourIP(address.Addr().AsSlice()),
			dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(s.lease.Time)))
	}
	return dhcpv4.NewReplyFromRequest(message, modifiers...)
}
