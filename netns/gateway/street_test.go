package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/netnstest"
)

// street is a device, a gateway, and all that is beyond it: a home LAN with a
// controller and a resolver, and an internet that has every address.
//
//	device d0 ── in0 gateway up0 ── o0 outside
type street struct {
	device, middle, outside *netns.Namespace
	gateway                 *gateway.Gateway
	zone                    *zone
}

const (
	insideNetwork4, insideNetwork6 = "192.168.50.0/24", "fd50::/64"
	lan4, lan6                     = "192.168.1.0/24", "fd01::/64"
	deviceMAC                      = "02:00:00:00:00:01"
	writtenIn                      = "203.0.113.53" // a resolver that the device has built in

	patience = 5 * time.Second        // for what will come
	brief    = 150 * time.Millisecond // for what must not come
)

// family is one of the two worlds that every spec has to hold in.
type family struct {
	name, internet            string
	device, gateway           string
	controller                string
	first, second, unassigned netip.Addr
}

var families = []family{
	{"IPv4", "198.18.0.0/15", "192.168.50.10", "192.168.50.1", "192.168.1.5",
		netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.2"), netip.MustParseAddr("198.18.0.3")},
	{"IPv6", "2001:db8::/32", "fd50::10", "fd50::1", "fd01::5",
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::3")},
}

type option func(*gateway.Config)

func driver(kind string) option { return func(c *gateway.Config) { c.Driver = kind } }

// inSharedTables makes the gateway a router with tables that other programs use, too.
func inSharedTables(c *gateway.Config) {
	GinkgoHelper()
	c.Shared, c.Address, c.MAC = true, netip.MustParseAddr("192.168.50.10"), net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, key := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		Expect(c.Namespace.Sysctl(key, "1")).To(Succeed(), "as a router has it")
	}
}

func keepingNothing(c *gateway.Config) { c.Keep = nil }

func newStreet(ctx context.Context, options ...option) *street {
	GinkgoHelper()
	s := &street{device: netnstest.New(), middle: netnstest.New(), outside: netnstest.New(), zone: &zone{records: map[string][]string{}, ttl: 1}}
	Expect(s.lay()).To(Succeed())
	s.zone.serve(ctx, s.outside, "192.168.1.1")
	config := gateway.Config{
		Namespace: s.middle, Inside: "in0", Uplink: "up0",
		LAN:         []netip.Prefix{netip.MustParsePrefix(lan4), netip.MustParsePrefix(lan6)},
		Controllers: []netip.Prefix{netip.MustParsePrefix("192.168.1.5/32"), netip.MustParsePrefix("fd01::5/128")},
		Upstream:    netip.MustParseAddrPort("192.168.1.1:53"),
		Driver:      "ipset", Keep: []string{"dhcp", "dns"},
	}
	for _, change := range options {
		change(&config)
	}
	built, err := gateway.New(ctx, config)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(built.Close)
	s.gateway = built
	return s
}

func (s *street) lay() error {
	cables := [][2]netns.End{
		{{Namespace: s.device, Name: "d0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, {Namespace: s.middle, Name: "in0"}},
		{{Namespace: s.middle, Name: "up0"}, {Namespace: s.outside, Name: "o0"}},
	}
	for _, cable := range cables {
		if err := netns.Veth(cable[0], cable[1]); err != nil {
			return err
		}
	}
	for _, a := range []struct {
		namespace     *netns.Namespace
		link, address string
	}{
		{s.device, "d0", "192.168.50.10/24"}, {s.device, "d0", "fd50::10/64"},
		{s.middle, "in0", "192.168.50.1/24"}, {s.middle, "in0", "fd50::1/64"},
		{s.middle, "up0", "192.168.1.2/24"}, {s.middle, "up0", "fd01::2/64"},
		{s.outside, "o0", "192.168.1.1/24"}, {s.outside, "o0", "fd01::1/64"},
		{s.outside, "o0", "192.168.1.5/24"}, {s.outside, "o0", "fd01::5/64"},
	} {
		if err := a.namespace.AddAddress(a.link, netip.MustParsePrefix(a.address)); err != nil {
			return err
		}
	}
	for _, r := range []struct {
		namespace *netns.Namespace
		to, via   string
	}{
		{s.device, "0.0.0.0/0", "192.168.50.1"}, {s.device, "::/0", "fd50::1"},
		{s.middle, "0.0.0.0/0", "192.168.1.1"}, {s.middle, "::/0", "fd01::1"},
		{s.outside, insideNetwork4, "192.168.1.2"}, {s.outside, insideNetwork6, "fd01::2"},
	} {
		if err := r.namespace.AddRoute(netip.MustParsePrefix(r.to), netip.MustParseAddr(r.via)); err != nil {
			return err
		}
	}
	for _, prefix := range []string{families[0].internet, families[1].internet, "203.0.113.0/24"} {
		if err := s.outside.AddAnyIP(netip.MustParsePrefix(prefix)); err != nil {
			return err
		}
	}
	return nil
}

// offer answers on an internet address with what it gets, over TCP and UDP.
func (s *street) offer(ctx context.Context, address netip.Addr, port uint16) {
	GinkgoHelper()
	echo(ctx, s.outside, netip.AddrPortFrom(address, port).String())
}

func echo(ctx context.Context, namespace *netns.Namespace, at string) {
	GinkgoHelper()
	listener, err := namespace.Listen(ctx, "tcp", at)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, _ = io.Copy(connection, connection)
			}()
		}
	}()
	packets, err := namespace.ListenPacket(ctx, "udp", at)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(packets.Close)
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(buffer[:n], from)
		}
	}()
}

// reach calls what is expected to answer with an echo.
func reach(ctx context.Context, from *netns.Namespace, network string, to netip.Addr, port uint16) error {
	return call(ctx, patience, from, network, to, port)
}

// try calls once, and does not wait long for what is expected to fail.
func try(ctx context.Context, from *netns.Namespace, network string, to netip.Addr, port uint16) error {
	return call(ctx, brief, from, network, to, port)
}

func call(ctx context.Context, wait time.Duration, from *netns.Namespace, network string, to netip.Addr, port uint16) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	connection, err := from.Dial(ctx, network, netip.AddrPortFrom(to, port).String())
	if err != nil {
		return err
	}
	defer connection.Close()
	return speak(connection, wait)
}

// speak says something on a connection and waits for the echo.
func speak(connection net.Conn, wait time.Duration) error {
	if err := connection.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := connection.Write([]byte("hello")); err != nil {
		return err
	}
	buffer := make([]byte, 5)
	_, err := io.ReadFull(connection, buffer)
	return err
}

// resolve asks a resolver from the device.
func (s *street) resolve(ctx context.Context, network, resolver, name string, kind uint16) ([]string, error) {
	return s.ask(ctx, patience, network, resolver, name, kind)
}

// resolveBriefly asks one that is expected not to answer.
func (s *street) resolveBriefly(ctx context.Context, network, resolver, name string, kind uint16) ([]string, error) {
	return s.ask(ctx, brief, network, resolver, name, kind)
}

func (s *street) ask(ctx context.Context, wait time.Duration, network, resolver, name string, kind uint16) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	connection, err := s.device.Dial(ctx, network, net.JoinHostPort(resolver, "53"))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	client := &dns.Client{Net: network, Timeout: wait}
	answer, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), &dns.Conn{Conn: connection})
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("resolver said %s", dns.RcodeToString[answer.Rcode])
	}
	var found []string
	for _, record := range answer.Answer {
		fields := strings.Fields(record.String())
		found = append(found, fields[len(fields)-1])
	}
	return found, nil
}

// lookUp asks the gateway's own resolver for all addresses of a name.
func (s *street) lookUp(ctx context.Context, name string) {
	GinkgoHelper()
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		_, err := s.resolve(ctx, "udp", "192.168.50.1", name, kind)
		Expect(err).NotTo(HaveOccurred())
	}
}

func (s *street) observe(ctx context.Context) harness.Observation {
	GinkgoHelper()
	seen, err := s.gateway.Observe(ctx)
	Expect(err).NotTo(HaveOccurred())
	return seen
}

// zone is the internet's DNS.
type zone struct {
	move    sync.Mutex // held by who moves a name and asks for it
	mutex   sync.Mutex
	records map[string][]string
	ttl     int
}

func (z *zone) set(name string, records ...string) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.records[dns.CanonicalName(name)] = records
}

// keepFor is how many seconds an answer may be kept.
func (z *zone) keepFor(seconds int) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.ttl = seconds
}

func (z *zone) serve(ctx context.Context, namespace *netns.Namespace, address string) {
	GinkgoHelper()
	packets, err := namespace.ListenPacket(ctx, "udp", net.JoinHostPort(address, "53"))
	Expect(err).NotTo(HaveOccurred())
	listener, err := namespace.Listen(ctx, "tcp", net.JoinHostPort(address, "53"))
	Expect(err).NotTo(HaveOccurred())
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: z}, {Listener: listener, Handler: z}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		DeferCleanup(server.Shutdown)
	}
}

// ServeDNS answers with the records of the asked kind, and follows aliases.
func (z *zone) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	answer := new(dns.Msg).SetReply(question)
	name, kind := question.Question[0].Name, question.Question[0].Qtype
	for name != "" {
		name = z.fill(answer, name, kind)
	}
	_ = w.WriteMsg(answer)
}

func (z *zone) fill(answer *dns.Msg, name string, kind uint16) (alias string) {
	for _, text := range z.records[dns.CanonicalName(name)] {
		record, err := dns.NewRR(fmt.Sprintf("%s %d IN %s", name, z.ttl, text))
		if err != nil {
			continue
		}
		if next, ok := record.(*dns.CNAME); ok {
			alias = next.Target
		}
		if alias != "" || record.Header().Rrtype == kind {
			answer.Answer = append(answer.Answer, record)
		}
	}
	return alias
}

// at is a record's text for an address.
func at(address netip.Addr) string {
	if address.Is4() {
		return "A " + address.String()
	}
	return "AAAA " + address.String()
}

func destination(id string) harness.Destination {
	GinkgoHelper()
	d, err := harness.ParseDestination(id)
	Expect(err).NotTo(HaveOccurred())
	return d
}

func contact(seen harness.Observation, id string) harness.Contact {
	GinkgoHelper()
	found, ok := seen.Contact(destination(id))
	Expect(ok).To(BeTrue(), "no contact with %s in %v", id, seen.Contacts)
	return found
}
