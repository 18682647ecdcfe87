package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/sockets"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Config says where stand-ins answer.
type Config struct {
	Namespace *netns.Namespace
	Link      string           // what comes in by this link
	MAC       net.HardwareAddr // the only hardware address that is answered; nil answers everybody on the link
	Own       []netip.Addr     // the addresses of the gateway itself on the link
	Ports     []uint16         // where the stand-in tcp answers, sorted
	Versions  []string         // of IP: "4", "6"

	// In shared tables packets are brought to the address Own and the port [LedPort]. Led says
	// to which address they were sent. Nil if they come as they were sent.
	Led  func(protocol string, from, to netip.AddrPort, id uint16) netip.AddrPort
	From netip.Addr // the only source address over IPv4 that is answered there
}

// Servers answer instead of destinations, until Close, and only in the name of the places
// that they were given. They are safe for use by many goroutines.
type Servers struct {
	config Config
	open   []io.Closer
	work   sync.WaitGroup

	mutex    sync.Mutex
	closed   bool
	failure  error                 // the first
	answered map[watch.Place]int   // how often, of the places that were given
	reached  map[watch.Place]bool  // of these, those for which a packet or a connection arrived
	unsent   map[watch.Place]error // why an answer in the name of a place could not be sent, the last time
}

// starters open the sockets of each kind for one version of IP. A kind that has none is
// answered by another part of the gateway.
func starters() map[harness.StandIn]func(*Servers, context.Context, sockets.Config) error {
	return map[harness.StandIn]func(*Servers, context.Context, sockets.Config) error{
		harness.TimeServer: (*Servers).serveTime,
		harness.ProbePages: (*Servers).servePages,
		harness.EchoReply:  (*Servers).serveEchoes,
		harness.ForeignTLS: (*Servers).serveTLS,
		harness.SilentTCP:  (*Servers).serveSilence,
		harness.MiIOCloud:  (*Servers).serveMiIO,
		harness.Resolver:   nil,
	}
}

// Open starts some kinds of servers. They answer when it returns.
func Open(ctx context.Context, config Config, kinds []harness.StandIn) (*Servers, error) {
	s := &Servers{config: config, answered: map[watch.Place]int{}, reached: map[watch.Place]bool{}, unsent: map[watch.Place]error{}}
	for _, kind := range kinds {
		start := starters()[kind]
		if start == nil {
			continue
		}
		for _, version := range config.Versions {
			at := sockets.Config{Link: config.Link, MAC: config.MAC, From: config.From, Version: version}
			if err := start(s, ctx, at); err != nil {
				return nil, errors.Join(fmt.Errorf("starting the stand-in %q over IPv%s: %w", kind, version, config.explained(kind, err)), s.Close())
			}
		}
	}
	return s, nil
}

// Take gives the servers a place to answer for.
func (s *Servers) Take(place watch.Place) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answered[place] += 0
}

// Resolved counts an answer of the gateway's resolver, which is not one of these servers.
func (s *Servers) Resolved(protocol string, from, to netip.AddrPort) {
	s.answer(protocol, s.meant(protocol, from, to, 0))
}

// meant is the address that a packet was sent to, if it arrived at another. The id is that
// of a ping.
func (s *Servers) meant(protocol string, from, to netip.AddrPort, id uint16) netip.AddrPort {
	if s.config.Led == nil {
		return to
	}
	return s.config.Led(protocol, from, to, id)
}

// answer counts an answer in the name of a place, if that was given.
func (s *Servers) answer(protocol string, meant netip.AddrPort) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	place := placeOf(protocol, meant)
	if _, ours := s.answered[place]; ours {
		s.answered[place]++
	}
}

// sent counts an answer that a server gave to a packet, unless err says why it could not be sent.
func (s *Servers) sent(protocol string, meant netip.AddrPort, err error) {
	if err == nil {
		s.answer(protocol, meant)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.unsent[placeOf(protocol, meant)] = err
}

// takes reports whether a place was given, and notes that something arrived for it.
func (s *Servers) takes(protocol string, meant netip.AddrPort) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	place := placeOf(protocol, meant)
	_, ours := s.answered[place]
	if ours {
		s.reached[place] = true
	}
	return ours
}

// Reached reports whether a packet or a connection arrived for a place that was given.
func (s *Servers) Reached(place watch.Place) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.reached[place]
}

func placeOf(protocol string, meant netip.AddrPort) watch.Place {
	return watch.Place{Protocol: protocol, AddrPort: netip.AddrPortFrom(meant.Addr().Unmap(), meant.Port())}
}

// Answered is how often an answer was given in the name of each place.
func (s *Servers) Answered() map[watch.Place]int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return maps.Clone(s.answered)
}

// Unsent says why answers in the name of some places could not be sent.
func (s *Servers) Unsent() map[watch.Place]error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return maps.Clone(s.unsent)
}

// Failure says why a stand-in does not answer any more: the error with which its socket
// ended before Close. It is nil while all is well.
func (s *Servers) Failure() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.failure
}

// serve runs until its socket is closed.
func (s *Servers) serve(kind harness.StandIn, socket io.Closer, loop func() error) {
	s.open = append(s.open, socket)
	s.work.Go(func() {
		err := loop()
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if !s.closed && s.failure == nil {
			s.failure = fmt.Errorf("the stand-in %q does not answer any more: its socket was closed or broken from outside: %w", kind, err)
		}
	})
}

// replyOverUDP answers what comes to a port as reply does, which gets the first bytes of
// a packet, longest at most, and the time. Its ok is false for what is not answered.
func (s *Servers) replyOverUDP(ctx context.Context, at sockets.Config, kind harness.StandIn, longest int, reply func(text []byte, now time.Time) (reply []byte, ok bool)) error {
	packets, err := sockets.ListenPacket(ctx, s.config.Namespace, at)
	if err != nil {
		return err
	}
	s.serve(kind, packets, func() error {
		buffer := make([]byte, longest)
		for {
			text, from, to, err := packets.Read(buffer)
			if err != nil {
				return err
			}
			meant := s.meant(harness.UDP, from, to, 0)
			if answer, ok := reply(text, time.Now()); s.takes(harness.UDP, meant) && ok {
				s.sent(harness.UDP, meant, packets.Write(answer, from, to))
			}
		}
	})
	return nil
}

// Close stops answering.
func (s *Servers) Close() (err error) {
	s.mutex.Lock()
	s.closed = true
	s.mutex.Unlock()
	for _, socket := range slices.Backward(s.open) {
		err = errors.Join(err, socket.Close())
	}
	s.work.Wait()
	return err
}
