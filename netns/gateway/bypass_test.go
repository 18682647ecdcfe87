package gateway_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
)

// The device wants to reach cloud.example on port 443, which is blocked. It has a
// known address, which the gateway has seen answered, and another one, the
// secret.
var (
	known   = families[0].first
	secret  = families[0].second
	secret6 = families[1].second
	cloud   = []harness.Destination{{Protocol: "tcp", Port: 443, Name: "cloud.example"}, {Protocol: "udp", Port: 443, Name: "cloud.example"}}
)

const privateResolver = "198.18.0.53"

// witness is an address that has nothing to do with it.
var witness = netip.MustParseAddr("198.18.0.9")

// bypass is a way of getting round the block.
type bypass struct {
	// prepare is done before the block. What it returns is done while it stands, and
	// says whether the device reached what is blocked.
	prepare func(ctx context.Context, s *street) (round func() error)

	options []option // of the gateway
	blocked []harness.Destination
	doubt   string // what the gateway must say of it
	row     string // the destination by which it must be known instead
	home    string // who in the home network the device must be kept from
}

// now is a bypass that needs no preparation.
func now(round func(ctx context.Context, s *street) error) func(context.Context, *street) func() error {
	return func(ctx context.Context, s *street) func() error {
		return func() error { return round(ctx, s) }
	}
}

func deviceAlone(c *gateway.Config) { c.MAC, _ = net.ParseMAC(deviceMAC); c.Alone = true }

// bypassed lays a street with everything that a bypass may need.
func bypassed(ctx context.Context, options ...option) *street {
	GinkgoHelper()
	s := newStreet(ctx, options...)
	for _, address := range []netip.Addr{known, secret, secret6} {
		s.offer(ctx, address, 443)
	}
	s.offer(ctx, witness, 80)
	s.offer(ctx, netip.MustParseAddr(privateResolver), 853)
	s.offer(ctx, netip.MustParseAddr(privateResolver), 443)
	s.zone.set("cloud.example", at(known))
	s.zone.set("dns.google", "A "+privateResolver)
	s.lookUp(ctx, "cloud.example")
	return s
}

// after resolves the name by a resolver, and reaches the secret.
func after(network, resolver string, kind uint16, address netip.Addr) func(context.Context, *street) error {
	return func(ctx context.Context, s *street) error {
		if _, err := s.resolve(ctx, network, resolver, "cloud.example", kind); err != nil {
			return err
		}
		return try(ctx, s.device, "tcp", address, 443)
	}
}

// written is a resolver that the device has built in, which knows the secret.
func written(network, resolver string) func(context.Context, *street) func() error {
	return func(ctx context.Context, s *street) func() error {
		z := &zone{records: map[string][]string{}}
		z.set("cloud.example", at(secret))
		z.serve(ctx, s.outside, resolver)
		return func() error {
			found, err := s.resolve(ctx, network, resolver, "cloud.example", dns.TypeA)
			if err != nil {
				return err
			}
			return try(ctx, s.device, "tcp", netip.MustParseAddr(found[0]), 443)
		}
	}
}

var _ = Describe("a device that gets round the block is caught, or the trial is not used", Label("root"), func() {
	DescribeTable("by", func(ctx SpecContext, b bypass) {
		if b.blocked == nil {
			b.blocked = cloud
		}
		open := bypassed(ctx, mingling)
		Expect(b.prepare(ctx, open)()).To(Succeed(), "it is a way, when nothing is blocked")

		s := bypassed(ctx, b.options...)
		round := b.prepare(ctx, s)
		Expect(s.gateway.Block(ctx, b.blocked, harness.Reject)).To(Succeed())
		uplink := s.tapOutside(ctx)
		err := round()
		_ = try(ctx, s.device, "tcp", witness, 80) // what was sent before this has come out by then

		seen := s.observe(ctx)
		Expect(seen.Broken).To(BeEmpty())
		switch {
		case b.doubt != "":
			Expect(seen.Doubts).To(ContainElement(ContainSubstring(b.doubt)))
			return
		case b.row != "":
			Expect(contact(seen, b.row).Answered).To(BeTrue(), "it is a destination of its own, to be blocked in its turn")
			return
		}
		Expect(err).To(HaveOccurred(), "it does not get there")
		Expect(seen.Doubts).To(BeEmpty(), "and that is certain")
		for _, address := range []netip.Addr{known, secret, secret6} {
			Expect(uplink.to(address)).To(BeZero(), address.String())
		}
		if b.home != "" {
			Expect(seen.Home).To(HaveExactElements(b.home))
		}
	},
		Entry("IPv6", bypass{prepare: func(ctx context.Context, s *street) func() error {
			s.zone.set("cloud.example", at(known), at(secret6))
			return func() error { return after("udp", "192.168.50.1", dns.TypeAAAA, secret6)(ctx, s) }
		}}, SpecTimeout(30*time.Second)),

		Entry("another router, which announces itself", bypass{
			prepare: pastTheGateway, doubt: "announces itself as an IPv6 router",
		}, SpecTimeout(30*time.Second)),

		Entry("a resolver that is written in, by UDP", bypass{prepare: written("udp", writtenIn)}, SpecTimeout(30*time.Second)),
		Entry("a resolver that is written in, by TCP", bypass{prepare: written("tcp", writtenIn)}, SpecTimeout(30*time.Second)),
		Entry("a resolver that is written in, by UDP over IPv6", bypass{prepare: written("udp", "2001:db8::53")}, SpecTimeout(30*time.Second)),
		Entry("a resolver that is written in, by TCP over IPv6", bypass{prepare: written("tcp", "2001:db8::53")}, SpecTimeout(30*time.Second)),

		Entry("DNS over TLS", bypass{doubt: "DNS over TLS", prepare: now(func(ctx context.Context, s *street) error {
			return errors.Join(reach(ctx, s.device, "tcp", netip.MustParseAddr(privateResolver), 853), reach(ctx, s.device, "tcp", secret, 443))
		})}, SpecTimeout(30*time.Second)),
		Entry("DNS over HTTPS", bypass{doubt: "DNS over HTTPS at Google", prepare: now(func(ctx context.Context, s *street) error {
			s.lookUp(ctx, "dns.google")
			return errors.Join(reach(ctx, s.device, "tcp", netip.MustParseAddr(privateResolver), 443), reach(ctx, s.device, "tcp", secret, 443))
		})}, SpecTimeout(30*time.Second)),
		Entry("an address that is written in, under the name that is blocked", bypass{
			doubt:   "it reached cloud.example at " + secret.String() + ":8443",
			blocked: []harness.Destination{{Protocol: "tcp", Port: 8443, Name: "cloud.example"}},
			prepare: now(func(ctx context.Context, s *street) error { return s.greet(ctx, secret, 8443, "cloud.example") }),
		}, SpecTimeout(30*time.Second)),

		Entry("QUIC", bypass{row: "udp/443/cloud.example", blocked: cloud[:1], prepare: now(func(ctx context.Context, s *street) error {
			return reach(ctx, s.device, "udp", known, 443)
		})}, SpecTimeout(30*time.Second)),

		Entry("an address that changes in the middle of the trial", bypass{prepare: now(func(ctx context.Context, s *street) error {
			s.zone.set("cloud.example", at(secret))
			return after("udp", "192.168.50.1", dns.TypeA, secret)(ctx, s)
		})}, SpecTimeout(30*time.Second)),
		Entry("a chain of aliases", bypass{prepare: now(func(ctx context.Context, s *street) error {
			s.zone.set("cloud.example", "CNAME mid.example.")
			s.zone.set("mid.example", "CNAME edge.example.")
			s.zone.set("edge.example", at(secret))
			return after("udp", "192.168.50.1", dns.TypeA, secret)(ctx, s)
		})}, SpecTimeout(30*time.Second)),
		Entry("an alias, which it asks for by itself later", bypass{prepare: now(func(ctx context.Context, s *street) error {
			s.zone.set("cloud.example", "CNAME edge.example.")
			s.lookUp(ctx, "cloud.example")
			s.zone.set("edge.example", at(secret))
			s.lookUp(ctx, "edge.example")
			return try(ctx, s.device, "tcp", secret, 443)
		})}, SpecTimeout(30*time.Second)),
		Entry("a hint in an HTTPS record", bypass{prepare: now(func(ctx context.Context, s *street) error {
			s.zone.set("cloud.example", `HTTPS 1 . alpn="h2" ipv4hint="`+secret.String()+`" ipv6hint="`+secret6.String()+`"`)
			return errors.Join(after("udp", "192.168.50.1", dns.TypeHTTPS, secret)(ctx, s), try(ctx, s.device, "tcp", secret6, 443))
		})}, SpecTimeout(30*time.Second)),
		Entry("answers that may not be kept, each another", bypass{prepare: now(func(ctx context.Context, s *street) (err error) {
			s.zone.keepFor(0)
			for range 5 {
				for _, address := range []netip.Addr{secret, known} {
					s.zone.set("cloud.example", at(address))
					if err = after("udp", "192.168.50.1", dns.TypeA, address)(ctx, s); err == nil {
						return nil
					}
				}
			}
			return err
		})}, SpecTimeout(30*time.Second)),

		Entry("fragments", bypass{prepare: now(func(ctx context.Context, s *street) error {
			connection, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(known, 443).String())
			if err != nil {
				return err
			}
			defer connection.Close()
			if _, err := connection.Write(make([]byte, 4000)); err != nil {
				return err
			}
			return receive(connection)
		})}, SpecTimeout(30*time.Second)),
		Entry("another source address", bypass{options: []option{deviceAlone}, prepare: from("192.168.50.77")}, SpecTimeout(30*time.Second)),
		Entry("a second lease", bypass{prepare: from("192.168.50.11")}, SpecTimeout(30*time.Second)),
		Entry("another hardware address", bypass{
			options: []option{deviceAlone}, doubt: "02:00:00:00:00:66, which is not the device's hardware address",
			prepare: now(func(ctx context.Context, s *street) error {
				if err := s.disguise("02:00:00:00:00:66"); err != nil {
					return err
				}
				var err error
				for range 6 { // the neighbours have to find each other again
					if err = try(ctx, s.device, "tcp", known, 443); err == nil {
						return nil
					}
				}
				return err
			}),
		}, SpecTimeout(30*time.Second)),

		Entry("a relay in the home network", bypass{home: "tcp/3128/192.168.1.1", prepare: func(ctx context.Context, s *street) func() error {
			echo(ctx, s.outside, "192.168.1.1:3128") // who answers there has the whole internet behind it
			return func() error { return try(ctx, s.device, "tcp", netip.MustParseAddr("192.168.1.1"), 3128) }
		}}, SpecTimeout(30*time.Second)),
		Entry("a connection from before the block", bypass{prepare: func(ctx context.Context, s *street) func() error {
			connection, err := s.device.Dial(ctx, "tcp", netip.AddrPortFrom(known, 443).String())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(connection.Close)
			Expect(speak(connection, patience)).To(Succeed())
			return func() error { return speak(connection, brief) }
		}}, SpecTimeout(30*time.Second)),
		Entry("a datagram in an exchange from before the block", bypass{prepare: func(ctx context.Context, s *street) func() error {
			connection, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(known, 443).String())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(connection.Close)
			Expect(speak(connection, patience)).To(Succeed())
			return func() error { return speak(connection, brief) }
		}}, SpecTimeout(30*time.Second)),
	)

	It("and what it does anyway raises no doubt", func(ctx SpecContext) {
		s := bypassed(ctx, deviceAlone)
		bare := families[0].unassigned
		s.offer(ctx, bare, 123)
		contact := func() {
			GinkgoHelper()
			Expect(reach(ctx, s.device, "udp", bare, 123)).To(Succeed())
			Expect(reach(ctx, s.device, "tcp", netip.MustParseAddr(privateResolver), 853)).To(Succeed())
		}
		contact()
		Expect(s.gateway.Block(ctx, cloud, harness.Reject)).To(Succeed())
		contact()
		Expect(s.observe(ctx).Doubts).To(BeEmpty())
	}, SpecTimeout(30*time.Second))

	It("and nothing is doubtful while nothing is blocked", func(ctx SpecContext) {
		s := bypassed(ctx, deviceAlone)
		Expect(s.disguise("02:00:00:00:00:66")).To(Succeed())
		Expect(try(ctx, s.device, "tcp", known, 443)).NotTo(Succeed())
		Expect(s.observe(ctx).Doubts).To(BeEmpty())
	}, SpecTimeout(30*time.Second))
})

func mingling(c *gateway.Config) { c.Mingle = true }

// from calls the known address from another one of the device's.
func from(address string) func(context.Context, *street) func() error {
	return func(ctx context.Context, s *street) func() error {
		Expect(s.device.AddAddress("d0", netip.MustParsePrefix(address+"/24"))).To(Succeed())
		return func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			connection, err := s.device.DialFrom(netip.MustParseAddr(address))(ctx, "tcp", netip.AddrPortFrom(known, 443).String())
			if err != nil {
				return err
			}
			defer connection.Close()
			return speak(connection, patience)
		}
	}
}

// disguise gives the device's link another hardware address.
func (s *street) disguise(mac string) error {
	hardware, err := net.ParseMAC(mac)
	if err != nil {
		return err
	}
	return errors.Join(
		s.device.SetDown("d0"), s.device.SetMAC("d0", hardware), s.device.SetUp("d0"),
		s.device.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1")))
}

// greet begins TLS with a server that understands none, by a name.
func (s *street) greet(ctx context.Context, address netip.Addr, port uint16, name string) error {
	GinkgoHelper()
	s.offer(ctx, address, port)
	connection, err := s.device.Dial(ctx, "tcp", netip.AddrPortFrom(address, port).String())
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var unreadable tls.RecordHeaderError
	err = tls.Client(inParts{connection}, &tls.Config{ServerName: name}).HandshakeContext(ctx)
	if errors.As(err, &unreadable) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil // it got its own words back, and so was there
	}
	return fmt.Errorf("no echo: %w", err)
}

// inParts says everything in two segments.
type inParts struct{ net.Conn }

func (c inParts) Write(text []byte) (int, error) {
	half := len(text) / 2
	if n, err := c.Conn.Write(text[:half]); err != nil {
		return n, err
	}
	n, err := c.Conn.Write(text[half:])
	return half + n, err
}

// pastTheGateway gives the device a cable of its own to the internet, and the
// router at its end announces itself.
func pastTheGateway(ctx context.Context, s *street) func() error {
	Expect(netns.Veth(netns.End{Namespace: s.device, Name: "d1"}, netns.End{Namespace: s.outside, Name: "o1"})).To(Succeed())
	Expect(s.device.AddAddress("d1", netip.MustParsePrefix("fd77::2/64"))).To(Succeed())
	Expect(s.outside.AddAddress("o1", netip.MustParsePrefix("fd77::1/64"))).To(Succeed())
	return func() error {
		// On a link that all share the device would hear it, and so does the gateway.
		announcement := append([]byte{134, 0, 0, 0, 64, 0, 7, 8}, make([]byte, 8)...)
		socket, err := s.device.ListenPacket(ctx, "ip6:58", "::")
		if err != nil {
			return err
		}
		defer socket.Close()
		if _, err := socket.WriteTo(announcement, &net.IPAddr{IP: net.ParseIP("ff02::1"), Zone: "d0"}); err != nil {
			return err
		}
		if err := s.device.AddRoute(netip.MustParsePrefix("2001:db8::/32"), netip.MustParseAddr("fd77::1")); err != nil {
			return err
		}
		return reach(ctx, s.device, "tcp", secret6, 443)
	}
}
