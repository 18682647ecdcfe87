package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
)

var _ = Describe("a stand-in in shared tables", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			It("leaves other hosts, and the machine's own services, alone: "+kind+", "+family.name, func(ctx SpecContext) {
				s := newStreet(ctx, driver(kind), inSharedTables, func(c *gateway.Config) {
					c.MAC, c.Address = net.HardwareAddr{2, 0, 0, 0, 0, 9}, netip.MustParseAddr("192.168.50.99")
				})
				serveTime(ctx, s.outside, family.first, 0)
				serveTime(ctx, s.middle, netip.MustParseAddr(family.gateway), 0)
				s.offer(ctx, family.first, 80)
				uplink := s.tapOutside(ctx)
				address := family.first.String()
				block := []harness.Destination{destination("icmp/echo/" + address), destination("tcp/80/" + address), destination("udp/123/" + address)}
				Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
				for _, server := range []string{address, family.gateway} {
					Expect(askTime(ctx, s.device, server)).Error().NotTo(HaveOccurred(), server)
				}
				Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
				Expect(reach(ctx, s.device, "tcp", family.first, 80)).To(Succeed())
				Expect(s.observe(ctx)).To(And(HaveField("StoodIn", BeEmpty()), HaveField("Broken", BeEmpty())))
				Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(BeNumerically(">=", 3))
			}, SpecTimeout(30*time.Second))
		}
	}

	for _, family := range families {
		It("answers beside services of the machine that have its usual ports: "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx, inSharedTables)
			serveTime(ctx, s.middle, netip.IPv6Unspecified(), -3*time.Hour) // and over IPv4
			for _, port := range []string{"80", "443", "5222"} {
				service, err := s.middle.Listen(ctx, "tcp", ":"+port)
				Expect(err).NotTo(HaveOccurred())
				DeferCleanup(service.Close)
			}
			address := family.first.String()
			block := []harness.Destination{destination("tcp/5222/" + address), destination("tcp/80/" + address), destination("udp/123/" + address)}
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), nil)).To(Succeed())
			answer, err := askTime(ctx, s.device, address)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.ClockOffset.Abs()).To(BeNumerically("<", time.Minute), "the stand-in's")
			Expect(visit(ctx, s.device, address, "/ncsi.txt")).To(Equal("200 Microsoft NCSI"))
			Expect(s.device.Dial(ctx, "tcp", net.JoinHostPort(address, "5222"))).Error().NotTo(HaveOccurred())
			Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).Should(ConsistOf(
				harness.StoodIn{Destination: block[0], Kind: harness.SilentTCP, Answers: 1},
				harness.StoodIn{Destination: block[1], Kind: harness.ProbePages, Answers: 1},
				harness.StoodIn{Destination: block[2], Kind: harness.TimeServer, Answers: 1}))
			answer, err = askTime(ctx, s.device, family.gateway)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.ClockOffset.Abs()).To(BeNumerically(">", time.Hour), "the machine's own")
		}, SpecTimeout(20*time.Second))

		It("answers a device that uses one port for all its requests, and no longer than the block: "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx, inSharedTables)
			serveTime(ctx, s.outside, family.first, -3*time.Hour)
			server := netip.AddrPortFrom(family.first, 123)
			socket, err := s.device.ListenPacket(ctx, "udp", netip.AddrPortFrom(netip.MustParseAddr(family.device), 123).String())
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(socket.Close)
			stood := func() (byStandIn bool) {
				GinkgoHelper()
				Expect(socket.SetDeadline(time.Now().Add(patience))).To(Succeed())
				request := make([]byte, 48)
				request[0] = 4<<3 | 3
				Expect(socket.WriteTo(request, net.UDPAddrFromAddrPort(server))).To(Equal(48))
				answer := make([]byte, 100)
				_, from, err := socket.ReadFrom(answer)
				Expect(err).NotTo(HaveOccurred())
				Expect(from.String()).To(Equal(server.String()))
				const seconds = 40 // where the time is
				return time.Since(ntpTime(answer[seconds:])).Abs() < time.Hour
			}
			Expect(stood()).To(BeFalse())
			block := []harness.Destination{destination("udp/123/" + family.first.String())}
			for range 2 {
				Expect(s.gateway.BlockWith(ctx, block, harness.Drop, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
				Expect(stood()).To(BeTrue())
				Expect(s.observe(ctx).StoodIn).To(HaveExactElements(HaveField("Answers", 1)))
				Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
				Expect(stood()).To(BeFalse())
			}
		}, SpecTimeout(20*time.Second))

		It("is broken if a firewall of the machine keeps the device's packets from it: "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx, inSharedTables)
			command := s.middle.Command(ctx, "nft", "-f", "-")
			command.Stdin = strings.NewReader(`table inet theirs {
				chain input {
					type filter hook input priority 10; policy accept;
					iifname "in0" meta l4proto { tcp, udp } th dport != 10053 drop
					iifname "in0" icmp type echo-request drop
					iifname "in0" icmpv6 type echo-request drop
				}
			}`)
			Expect(command.Run()).To(Succeed())
			address := family.first.String()
			block := []harness.Destination{destination("icmp/echo/" + address), destination("tcp/80/" + address), destination("udp/123/" + address)}
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
			Expect(s.observe(ctx).StoodIn).To(BeEmpty(), "it was not used")
			Expect(ping(ctx, s.device, family.first, brief)).NotTo(Succeed())
			for _, network := range []string{"tcp", "udp"} {
				Expect(try(ctx, s.device, network, family.first, map[string]uint16{"tcp": 80, "udp": 123}[network])).NotTo(Succeed())
			}
			doubt := func(of string) any {
				return HaveField("Doubt", HavePrefix("nothing of what the device sends reaches it: a firewall of this machine drops it on its way in; let "+of+" come in on in0"))
			}
			Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).WithTimeout(patience).
				Should(HaveExactElements(doubt("pings"), doubt("tcp port 10056"), doubt("udp port 10054")))
		}, SpecTimeout(20*time.Second))
	}

	It("is broken if the machine replies to no pings", func(ctx SpecContext) {
		s := newStreet(ctx, inSharedTables)
		Expect(s.middle.Sysctl("net.ipv4.icmp_echo_ignore_all", "1")).To(Succeed())
		block := []harness.Destination{destination("icmp/echo/198.18.0.1")}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
		Expect(ping(ctx, s.device, families[0].first, brief)).NotTo(Succeed())
		Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).
			Should(HaveExactElements(HaveField("Doubt", ContainSubstring("this machine replies to no pings"))))
	}, SpecTimeout(20*time.Second))

	It("needs a port that another program has, and names it", func(ctx SpecContext) {
		s := newStreet(ctx, inSharedTables)
		busy(ctx, s.middle, "0.0.0.0:10054")
		block := []harness.Destination{destination("udp/123/198.18.0.1")}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).
			To(And(MatchError(unix.EADDRINUSE), MatchError(ContainSubstring("port 10054 of this machine is in use"))))
		Expect(s.gateway.Block(ctx, block, harness.Reject)).To(Succeed())
	}, SpecTimeout(20*time.Second))
})

// busy has a port of UDP.
func busy(ctx context.Context, namespace *netns.Namespace, at string) {
	GinkgoHelper()
	socket, err := namespace.ListenPacket(ctx, "udp", at)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(socket.Close)
}

// ntpTime is the time in the form of NTP, in whole seconds.
func ntpTime(text []byte) time.Time {
	const since1900 = 2208988800
	var seconds int64
	for _, b := range text[:4] {
		seconds = seconds<<8 | int64(b)
	}
	return time.Unix(seconds-since1900, 0)
}
