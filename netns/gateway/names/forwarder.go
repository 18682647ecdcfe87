package names

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/netns"
)

// Port is where resolvers listen (RFC 1035).
const Port = 53

// upstreamTimeout is how long the resolver behind may take. A device asks again
// after 5 s (resolv.conf), and gets the failure before that.
const upstreamTimeout = 3 * time.Second

// Forwarder is a resolver that knows nothing itself.
type Forwarder struct {
	namespace *netns.Namespace
	upstream  netip.AddrPort
	learn     func(name string, addresses []netip.Addr) error
	servers   []*dns.Server
	life      context.Context
	end       context.CancelFunc
}

// Forward answers at the addresses and ports, over UDP and TCP, until Close,
// by asking upstream from within the namespace. It calls learn with each
// answer's name and addresses before the answer leaves. When learn fails the
// answer is withheld (SERVFAIL).
func Forward(
	ctx context.Context, namespace *netns.Namespace, own []netip.AddrPort, upstream netip.AddrPort,
	learn func(name string, addresses []netip.Addr) error,
) (*Forwarder, error) {
	f := &Forwarder{namespace: namespace, upstream: upstream, learn: learn}
	f.life, f.end = context.WithCancel(context.WithoutCancel(ctx))
	for _, address := range own {
		if err := f.serve(ctx, address); err != nil {
			return nil, errors.Join(fmt.Errorf("answering DNS on %s: %w", address, err), f.Close())
		}
	}
	return f, nil
}

func (f *Forwarder) serve(ctx context.Context, address netip.AddrPort) error {
	packets, err := f.namespace.ListenPacket(ctx, "udp", address.String())
	if err != nil {
		return err
	}
	if err := f.start(&dns.Server{PacketConn: packets, Handler: f.handler("udp")}); err != nil {
		return err
	}
	listener, err := f.namespace.Listen(ctx, "tcp", address.String())
	if err != nil {
		return err
	}
	return f.start(&dns.Server{Listener: listener, Handler: f.handler("tcp")})
}

// start returns when the server answers.
func (f *Forwarder) start(server *dns.Server) error {
	started := make(chan error, 1)
	server.NotifyStartedFunc = func() { started <- nil }
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			started <- err
		}
	}()
	err := <-started
	if err == nil {
		f.servers = append(f.servers, server)
	}
	return err
}

func (f *Forwarder) handler(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, question *dns.Msg) {
		answer, err := f.answer(network, question)
		if err != nil {
			answer = new(dns.Msg).SetRcode(question, dns.RcodeServerFailure)
		}
		_ = w.WriteMsg(answer) // a client that went away asks again
	}
}

func (f *Forwarder) answer(network string, question *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(f.life, upstreamTimeout)
	defer cancel()
	connection, err := f.namespace.Dial(ctx, network, f.upstream.String())
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	client := &dns.Client{Net: network, UDPSize: dns.MaxMsgSize, Timeout: upstreamTimeout}
	answer, _, err := client.ExchangeWithConnContext(ctx, question, &dns.Conn{Conn: connection, UDPSize: dns.MaxMsgSize})
	if err != nil {
		return nil, err
	}
	name, addresses := Resolved(answer)
	if len(addresses) == 0 {
		return answer, nil
	}
	return answer, f.learn(name, addresses)
}

// Close stops answering.
func (f *Forwarder) Close() (err error) {
	f.end()
	for _, server := range f.servers {
		err = errors.Join(err, server.Shutdown())
	}
	return err
}
