package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("a connection on which nothing is said", Label("root"), func() {
	var s *street

	open := func(ctx context.Context, address netip.Addr) net.Conn {
		GinkgoHelper()
		s.offer(ctx, address, 8883)
		connection, err := s.device.Dial(ctx, "tcp", netip.AddrPortFrom(address, 8883).String())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(connection.Close)
		Expect(connection.(*net.TCPConn).SetKeepAlive(false)).To(Succeed())
		Expect(speak(connection, patience)).To(Succeed())
		return connection
	}
	// held is open, and connected again once it breaks, until ctx ends. What ended it is
	// sent.
	held := func(ctx context.Context, address netip.Addr) <-chan error {
		GinkgoHelper()
		connection, ended := open(ctx, address), make(chan error, 1)
		Expect(connection.SetDeadline(neverIn(ctx))).To(Succeed())
		go func() {
			_, err := connection.Read(make([]byte, 1))
			ended <- err
			again, err := s.device.Dial(ctx, "tcp", netip.AddrPortFrom(address, 8883).String())
			if err == nil {
				_ = again.Close()
			}
		}()
		return ended
	}
	broker := func(name string) harness.Destination {
		return harness.Destination{Protocol: "tcp", Port: 8883, Name: name}
	}

	for _, kind := range []string{"ipset", "iptables"} {
		for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
			for _, family := range families {
				It("is reset when its block begins, with "+kind+", "+string(fault)+", "+family.name, func(ctx SpecContext) {
					s = newStreet(ctx, driver(kind))
					uplink := s.tapOutside(ctx)
					other := open(ctx, family.second)
					ended := held(ctx, family.first)
					const exchange = 4 // SYN, ACK, data, ACK
					Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(BeNumerically(">=", exchange))
					before := uplink.to(family.first)

					Expect(s.gateway.Block(ctx, []harness.Destination{broker(family.first.String())}, fault)).To(Succeed())
					Eventually(ended).WithContext(ctx).Should(Receive(MatchError(unix.ECONNRESET)))
					Eventually(func() int {
						contact, _ := s.observe(ctx).Contact(broker(family.first.String()))
						return contact.Attempts
					}).WithContext(ctx).Should(BeNumerically(">=", 1), "it is connected again, which the block stops")

					known := uplink.to(family.second)
					Expect(speak(other, patience)).To(Succeed(), "connections to others live on")
					Eventually(func() int { return uplink.to(family.second) }).WithContext(ctx).Should(BeNumerically(">", known))
					Expect(uplink.to(family.first)).To(Equal(before), "the other end gets no packet")
					contact, _ := s.observe(ctx).Contact(broker(family.second.String()))
					Expect(contact.Tries).To(BeZero(), "nor is it begun again")
				}, SpecTimeout(20*time.Second))
			}
		}
	}

	It("is reset on the user's own router, too", func(ctx SpecContext) {
		s = newStreet(ctx, func(c *gateway.Config) {
			c.Shared, c.Address = true, netip.MustParseAddr("192.168.50.10")
			c.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
		})
		Expect(s.middle.Command(ctx, "sysctl", "-qw", "net.ipv4.ip_forward=1").Run()).To(Succeed(), "as a router has it")
		ended := held(ctx, families[0].first)
		Expect(s.gateway.Block(ctx, []harness.Destination{broker(families[0].first.String())}, harness.Reject)).To(Succeed())
		Eventually(ended).WithContext(ctx).Should(Receive(MatchError(unix.ECONNRESET)))
		Eventually(func() int {
			contact, _ := s.observe(ctx).Contact(broker(families[0].first.String()))
			return contact.Attempts
		}).WithContext(ctx).Should(BeNumerically(">=", 1), "it is connected again, which the block stops")
	}, SpecTimeout(20*time.Second))

	It("is reset when its name is blocked", func(ctx SpecContext) {
		s = newStreet(ctx)
		s.zone.set("mqtt.example", "A 198.18.0.1")
		Expect(s.resolve(ctx, "udp", "192.168.50.1", "mqtt.example", dns.TypeA)).To(ContainElement("198.18.0.1"))
		ended := held(ctx, families[0].first)
		Expect(s.gateway.Block(ctx, []harness.Destination{broker("mqtt.example")}, harness.NXDomain)).To(Succeed())
		Eventually(ended).WithContext(ctx).Should(Receive(MatchError(unix.ECONNRESET)))
	}, SpecTimeout(20*time.Second))

	It("is reset when its address becomes known to be a blocked name's", func(ctx SpecContext) {
		s = newStreet(ctx)
		Expect(s.gateway.Block(ctx, []harness.Destination{broker("mqtt.example")}, harness.Reject)).To(Succeed())
		ended := held(ctx, families[0].first)
		s.zone.set("mqtt.example", "A 198.18.0.1")
		Expect(s.resolve(ctx, "udp", "192.168.50.1", "mqtt.example", dns.TypeA)).To(ContainElement("198.18.0.1"))
		Eventually(ended).WithContext(ctx).Should(Receive(MatchError(unix.ECONNRESET)))
	}, SpecTimeout(20*time.Second))

	It("is left alone if nothing of it is blocked", func(ctx SpecContext) {
		s = newStreet(ctx)
		connection := open(ctx, families[0].first)
		udp := harness.Destination{Protocol: "udp", Port: 8883, Name: families[0].first.String()}
		https := harness.Destination{Protocol: "tcp", Port: 443, Name: families[0].first.String()}
		Expect(s.gateway.Block(ctx, []harness.Destination{udp, https}, harness.Reject)).To(Succeed())
		Expect(speak(connection, patience)).To(Succeed())
		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		Expect(speak(connection, patience)).To(Succeed())
	}, SpecTimeout(20*time.Second))
})

// neverIn is a time after which a context has ended.
func neverIn(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	return deadline
}
