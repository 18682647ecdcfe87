package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

// Port is where resolvers listen (RFC 1035).
const Port = 53

// upstreamTimeout is how long the resolver behind may take. A device asks again
// after 5 s (resolv.conf), and gets the failure before that.
const upstreamTimeout = 3 * time.Second

// LongestTTL is how long a device may keep an answer, whatever the resolver
// behind says: a name that is blocked must be asked for again within a trial,
// and an address that moves be followed.
const LongestTTL = time.Second

// mostInFlight limits the queries that wait for an answer. Those beyond it are
// dropped: a device sends such a query again. mostStreams limits the TCP connections
// of the device. Over UDP, longestAnswer limits the bytes of an answer, and longestQuery
// those of a query, which has a few hundred.
const (
	mostInFlight  = 256
	mostStreams   = 64
	longestAnswer = 4096
	longestQuery  = 4096
)

// Config says who a forwarder answers.
type Config struct {
	Link     string           // every question that comes in by this link and is delivered here; "" is any
	MAC      net.HardwareAddr // the only one that is answered; nil answers everybody on the link
	From     netip.Addr       // the only source address over IPv4 that is answered; invalid answers any. Needs MAC
	Port     uint16           // usually [Port]
	Own      []netip.Addr     // the gateway's addresses
	Upstream netip.AddrPort   // unicast; whichever resolver a query is for, this one is queried

	// Client reports who queries from an address. Nil takes every client for the
	// device.
	Client func(from netip.Addr) Client

	// Learn is called with every answer to the device before it leaves, which it does
	// when Learn returns. If it fails the device gets SERVFAIL.
	Learn func(context.Context, Answered) error

	// Blocked reports whether a name must not be answered (NXDOMAIN). It is asked
	// once for each question, and once more before the answer leaves, with again
	// set. It may be nil.
	Blocked func(question Question, again bool) bool

	// Instead answers a query whose name is blocked. Nil answers NXDOMAIN.
	Instead func(message *dns.Msg) *dns.Msg
}

// Client is who queries a forwarder.
type Client int

const (
	Device   Client = iota // the device under test: names are blocked for it, and what it is answered is learnt
	Other                  // gets the answers of the upstream resolver as they are
	Stranger               // is not answered
	Unknown                // may be any of these: it is looked at again in a moment
)

// Question is what a device asks.
type Question struct {
	Protocol string         // "tcp" or "udp"
	From, To netip.AddrPort // the device, and who it meant to ask
	ID       uint16         // the same where a question is sent again
	Name     string
	Kind     uint16 // as dns.TypeA
}

// Forwarder is a resolver that knows nothing itself.
type Forwarder struct {
	namespace *netns.Namespace
	config    Config
	servers   []*dns.Server
	sockets   []net.PacketConn
	work      sync.WaitGroup
	silence   silence                  // of Upstream
	flights   map[Client]chan struct{} // one for each query in flight, for the device and for others
	dropped   atomic.Int64             // queries of the device that were one too many
	failure   atomic.Pointer[error]    // the first
	life      context.Context
	end       context.CancelFunc
}

// Forward answers on a port of a link, over UDP and TCP, in the families of the
// gateway's addresses, until Close, by asking from within the namespace.
// Questions to others than the gateway must be delivered to it: that is for the
// routes to do.
func Forward(ctx context.Context, namespace *netns.Namespace, config Config) (*Forwarder, error) {
	if err := checkUpstream(config.Upstream); err != nil {
		return nil, err
	}
	f := newForwarder(ctx, namespace, config)
	for _, version := range config.versions() {
		if err := f.serve(ctx, version); err != nil {
			return nil, errors.Join(fmt.Errorf("answering DNS on %s over IPv%s: %w", config.Link, version, config.explained(err)), f.Close())
		}
	}
	return f, nil
}

// ForwardOn answers on sockets that are open already, which it closes, until Close.
// Nil for the namespace is that of the process. Link, MAC, From, Port and Own are not
// used.
func ForwardOn(ctx context.Context, namespace *netns.Namespace, open Sockets, config Config) (*Forwarder, error) {
	if err := checkUpstream(config.Upstream); err != nil {
		return nil, errors.Join(err, open.Close())
	}
	f := newForwarder(ctx, namespace, config)
	packets, err := open.datagrams()
	if err != nil {
		return nil, errors.Join(err, open.Close())
	}
	if err := f.serveOn(packets, open.Streams); err != nil {
		return nil, errors.Join(err, open.Close(), f.Close())
	}
	return f, nil
}

func newForwarder(ctx context.Context, namespace *netns.Namespace, config Config) *Forwarder {
	f := &Forwarder{namespace: namespace, config: config, flights: map[Client]chan struct{}{
		Device: make(chan struct{}, mostInFlight), Other: make(chan struct{}, mostInFlight), Unknown: make(chan struct{}, mostInFlight),
	}}
	f.life, f.end = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// explained says what to do about a port that is another's.
func (c Config) explained(err error) error {
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("port %d of this machine is in use: stop what listens there ('ss -lnp sport = :%d' names it): %w", c.Port, c.Port, err)
	}
	return err
}

func (c Config) versions() (versions []string) {
	if slices.ContainsFunc(c.Own, netip.Addr.Is4) {
		versions = append(versions, "4")
	}
	if slices.ContainsFunc(c.Own, netip.Addr.Is6) {
		versions = append(versions, "6")
	}
	return versions
}

func (f *Forwarder) serve(ctx context.Context, version string) error {
	packets, err := sockets.ListenPacket(ctx, f.namespace, f.config.socket(version))
	if err != nil {
		return err
	}
	listener, err := sockets.Listen(ctx, f.namespace, f.config.socket(version))
	if err != nil {
		return errors.Join(err, packets.Close())
	}
	return f.serveOn(packets, listener)
}

func (f *Forwarder) serveOn(packets *sockets.Datagrams, listener net.Listener) error {
	f.sockets = append(f.sockets, packets)
	f.work.Go(func() { f.serveDatagrams(packets) })
	return f.start(&dns.Server{Listener: netutil.LimitListener(listener, mostStreams), Handler: dns.HandlerFunc(f.serveStream)})
}

// start returns when the server answers.
func (f *Forwarder) start(server *dns.Server) error {
	started := make(chan error, 1)
	server.NotifyStartedFunc = func() { started <- nil }
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			f.fail("TCP", err)
			started <- err
		}
	}()
	err := <-started
	if err == nil {
		f.servers = append(f.servers, server)
	}
	return err
}

func (f *Forwarder) serveStream(w dns.ResponseWriter, question *dns.Msg) {
	from := sockets.AddrPort(w.RemoteAddr())
	client := f.client(from)
	if !f.takeOff(client) {
		_ = w.Close()
		return
	}
	defer f.land(client)
	who := f.identify(client, from)
	if who == Stranger {
		_ = w.Close()
		return
	}
	_ = w.WriteMsg(f.answer(who, "tcp", from, sockets.AddrPort(w.LocalAddr()), question)) // a client that went away asks again
}

func (f *Forwarder) client(from netip.AddrPort) Client {
	if f.config.Client == nil {
		return Device
	}
	return f.config.Client(from.Addr())
}

// The looks at a client that is not known yet. It takes milliseconds to become known.
const (
	looks     = 20
	lookAgain = 25 * time.Millisecond
)

// identify waits until it is known who a client is. One that does not become known is
// a stranger.
func (f *Forwarder) identify(client Client, from netip.AddrPort) Client {
	for range looks {
		if client != Unknown {
			return client
		}
		select {
		case <-f.life.Done():
			return Stranger
		case <-time.After(lookAgain):
			client = f.client(from)
		}
	}
	return Stranger
}

// takeOff reports whether one more query of a client may be in flight; then it must
// land. A stranger's may never.
func (f *Forwarder) takeOff(client Client) bool {
	select {
	case f.flights[client] <- struct{}{}: // never, if there is no such channel
		return true
	default:
		if client == Device {
			f.dropped.Add(1)
		}
		return false
	}
}

func (f *Forwarder) land(client Client) { <-f.flights[client] }

// fail records that a socket ended, unless that was Close.
func (f *Forwarder) fail(protocol string, err error) {
	if f.life.Err() == nil {
		failure := fmt.Errorf("the gateway's DNS server does not answer over %s any more: its socket was closed or broken from outside: %w", protocol, err)
		f.failure.CompareAndSwap(nil, &failure)
	}
}

// Failure says why queries are not answered any more: the error with which a socket
// ended before Close. It is nil while all is well.
func (f *Forwarder) Failure() error {
	if failure := f.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// Dropped is how many queries of the device were not answered, because too many were
// in flight.
func (f *Forwarder) Dropped() int { return int(f.dropped.Load()) }

// checkUpstream rejects a resolver that is not one host: a query to a broadcast
// address would come back to the forwarder.
func checkUpstream(upstream netip.AddrPort) error {
	address := upstream.Addr().Unmap()
	if address.IsUnspecified() || address.IsMulticast() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fmt.Errorf("%s is not the address of one resolver: give a unicast address, for example that of the home router", upstream)
	}
	return nil
}

// answerable reports whether a query to an address can be answered from there.
func answerable(to netip.Addr) bool {
	return to.IsGlobalUnicast() || to.IsLoopback() || to.IsLinkLocalUnicast()
}

func (f *Forwarder) serveDatagrams(packets *sockets.Datagrams) {
	for {
		text, from, to, err := packets.Read(make([]byte, longestQuery))
		if err != nil {
			f.fail("UDP", err)
			return
		}
		client := f.client(from)
		if !answerable(to.Addr()) || !f.takeOff(client) {
			continue
		}
		f.work.Go(func() {
			defer f.land(client)
			question := new(dns.Msg)
			if question.Unpack(text) != nil || question.Response {
				return
			}
			who := f.identify(client, from)
			if who == Stranger {
				return
			}
			answer := f.answer(who, "udp", from, to, question)
			if reply, err := answer.Pack(); err == nil {
				_ = packets.Write(reply, from, to)
			}
		})
	}
}

// answer is the reply to a client's question, whatever becomes of it.
func (f *Forwarder) answer(client Client, protocol string, from, to netip.AddrPort, message *dns.Msg) *dns.Msg {
	if message.Opcode != dns.OpcodeQuery {
		return new(dns.Msg).SetRcode(message, dns.RcodeNotImplemented)
	}
	if len(message.Question) != 1 {
		return new(dns.Msg).SetRcode(message, dns.RcodeFormatError)
	}
	asked := message.Question[0]
	question := Question{protocol, from, to, message.Id, Canonical(asked.Name), asked.Qtype}
	if client == Other {
		answer, err := f.exchange(question, message)
		if err != nil {
			return new(dns.Msg).SetRcode(message, dns.RcodeServerFailure)
		}
		return answer
	}
	if f.blocked(question, false) {
		return f.instead(message)
	}
	answer, err := f.learnt(question, message)
	if err != nil {
		return new(dns.Msg).SetRcode(message, dns.RcodeServerFailure)
	}
	if f.blocked(question, true) { // since a moment ago
		return f.instead(message)
	}
	return answer
}

func (f *Forwarder) blocked(question Question, again bool) bool {
	return f.config.Blocked != nil && f.config.Blocked(question, again)
}

func (f *Forwarder) instead(message *dns.Msg) *dns.Msg {
	if f.config.Instead != nil {
		return f.config.Instead(message)
	}
	return new(dns.Msg).SetRcode(message, dns.RcodeNameError)
}

// learnt is the answer to the device, which has been learnt and may be kept for
// [LongestTTL].
func (f *Forwarder) learnt(question Question, message *dns.Msg) (answer *dns.Msg, err error) {
	answered := f.silence.ask(question)
	defer func() { answered(answer != nil) }()
	if answer, err = f.exchange(question, message); err != nil {
		return nil, err
	}
	shorten(answer)
	ctx, cancel := context.WithTimeout(f.life, upstreamTimeout)
	defer cancel()
	found := Resolved(answer)
	found.Query, found.Found = question, answer.Rcode == dns.RcodeSuccess && len(answer.Answer) > 0
	return answer, f.config.Learn(ctx, found)
}

// exchange queries the upstream resolver, whichever one the device meant, so that no
// other host is ever connected to. It uses the
// protocol of the device's query, since a device may query over TCP because of the
// answer's length.
func (f *Forwarder) exchange(question Question, message *dns.Msg) (answer *dns.Msg, err error) {
	ctx, cancel := context.WithTimeout(f.life, upstreamTimeout)
	defer cancel()
	connection, err := dialUpstream(ctx, f.namespace, question.Protocol, f.config.Upstream)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if extended := message.IsEdns0(); extended != nil {
		extended.SetUDPSize(min(extended.UDPSize(), longestAnswer))
	}
	client := &dns.Client{Net: question.Protocol, UDPSize: longestAnswer, Timeout: upstreamTimeout}
	answer, _, err = client.ExchangeWithConnContext(ctx, message, &dns.Conn{Conn: connection, UDPSize: longestAnswer})
	if err != nil {
		return nil, err
	}
	answer.Compress = true // it fits into the device's buffer as the upstream wrote it
	return answer, nil
}

// shorten limits how long an answer may be kept. The "TTL" of an OPT record is
// none (RFC 6891).
func shorten(answer *dns.Msg) {
	for _, record := range slices.Concat(answer.Answer, answer.Ns, answer.Extra) {
		if header := record.Header(); header.Rrtype != dns.TypeOPT {
			header.Ttl = min(header.Ttl, uint32(LongestTTL/time.Second))
		}
	}
}

// Close stops answering.
func (f *Forwarder) Close() (err error) {
	f.end()
	for _, server := range f.servers {
		err = errors.Join(err, server.Shutdown())
	}
	for _, socket := range f.sockets {
		err = errors.Join(err, socket.Close())
	}
	f.work.Wait()
	return err
}
