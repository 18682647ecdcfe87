package gateway_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/beevik/ntp"
	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
)

var _ = Describe("a stand-in", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		for _, family := range families {
			DescribeTable("answers for what is blocked, and for nothing else: "+kind+", "+family.name, func(ctx SpecContext, tables option) {
				s := newStreet(ctx, driver(kind), tables)
				s.offer(ctx, family.second, 80)
				s.zone.set("time.example", at(family.first))
				s.zone.set("check.example", at(family.first))
				s.zone.set("here.example", "A 198.18.9.9")
				s.lookUp(ctx, "time.example")
				s.lookUp(ctx, "check.example")
				uplink := s.tapOutside(ctx)

				address := family.first.String()
				block := []harness.Destination{
					destination("icmp/echo/" + address), destination("tcp/80/check.example"), destination("udp/123/time.example"),
					destination("udp/53/" + family.second.String()),
				}
				for _, fault := range []harness.Fault{harness.Reject, harness.Drop} {
					Expect(s.gateway.BlockWith(ctx, block, fault, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
					answer, err := askTime(ctx, s.device, address)
					Expect(err).NotTo(HaveOccurred())
					Expect(answer.Validate()).To(Succeed())
					Expect(answer.Stratum).To(BeNumerically("<", 4))
					Expect(answer.ClockOffset.Abs()).To(BeNumerically("<", time.Second))
					Expect(visit(ctx, s.device, address, "/generate_204")).To(Equal("204 "))
					Expect(visit(ctx, s.device, address, "/ncsi.txt")).To(Equal("200 Microsoft NCSI"))
					Expect(pings(ctx, s.device, family.first, 3)).To(Equal(3), "each is answered once")
					Expect(s.resolve(ctx, "udp", family.second.String(), "here.example", dns.TypeA)).To(HaveExactElements("198.18.9.9"))
					Expect(visit(ctx, s.device, family.gateway, "/")).Error().To(HaveOccurred(), "the gateway has no such service")
					Expect(reach(ctx, s.device, "tcp", family.second, 80)).To(Succeed(), "what is not blocked is left alone")

					seen := s.observe(ctx)
					Expect(seen.Broken).To(BeEmpty())
					Expect(seen.Disturbed).To(BeEmpty())
					Expect(seen.StoodIn).To(HaveExactElements(
						harness.StoodIn{Destination: block[0], Kind: harness.EchoReply, Answers: 3},
						harness.StoodIn{Destination: block[1], Kind: harness.ProbePages, Answers: 2},
						harness.StoodIn{Destination: block[3], Kind: harness.Resolver, Answers: 1},
						harness.StoodIn{Destination: block[2], Kind: harness.TimeServer, Answers: 1},
					))
					for _, d := range block {
						Expect(contact(seen, d.String()).Attempts).To(BeNumerically(">", 0), "%s", d)
					}
				}

				Expect(s.gateway.Block(ctx, block, harness.Reject)).To(Succeed())
				Expect(askTime(ctx, s.device, address)).Error().To(HaveOccurred(), "without its stand-in it is only blocked")
				Expect(visit(ctx, s.device, address, "/generate_204")).Error().To(HaveOccurred())
				Expect(ping(ctx, s.device, family.first, brief)).NotTo(Succeed())
				Expect(s.observe(ctx)).To(And(HaveField("StoodIn", BeEmpty()), HaveField("Broken", BeEmpty())))
				Expect(uplink.to(family.first)).To(BeZero(), "nothing left")

				Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
				Expect(ping(ctx, s.device, family.first, patience)).To(Succeed())
				Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).Should(Equal(1))
			},
				Entry("in its own tables", deviceAlone, SpecTimeout(60*time.Second)),
				Entry("in shared tables", inSharedTables, SpecTimeout(60*time.Second)),
			)
		}
	}

	for _, family := range families {
		DescribeTable("may be a TLS server, which counts if it was trusted: "+family.name, func(ctx SpecContext, tables option) {
			s := newStreet(ctx, tables)
			address := family.first.String()
			block := []harness.Destination{destination("tcp/443/" + address)}
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), nil)).To(Succeed())
			for _, name := range []string{"api.example", ""} {
				_, err := shakeHands(ctx, s.device, address, &tls.Config{ServerName: cmp.Or(name, address)})
				Expect(err).To(BeAssignableToTypeOf(&tls.CertificateVerificationError{}))
			}
			Expect(s.observe(ctx).StoodIn).To(BeEmpty(), "it verifies")
			s.zone.set("api.example", at(family.first))
			s.lookUp(ctx, "api.example")
			block = []harness.Destination{destination("tcp/443/api.example")}
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), nil)).To(Succeed())
			certificate, err := shakeHands(ctx, s.device, address, &tls.Config{ServerName: "api.example", InsecureSkipVerify: true}) //nolint:gosec // that is the finding
			Expect(err).NotTo(HaveOccurred())
			Expect(certificate.VerifyHostname("api.example")).To(Succeed())
			Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).Should(HaveExactElements(
				harness.StoodIn{Destination: block[0], Kind: harness.ForeignTLS, Answers: 1}))
			Expect(s.observe(ctx).Doubts).To(BeEmpty(), "the name was seen where it is answered for")
			_, err = shakeHands(ctx, s.device, family.gateway, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the same
			Expect(err).To(MatchError(unix.ECONNREFUSED), "the gateway has no such service")
			Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		},
			Entry("in its own tables", deviceAlone, SpecTimeout(20*time.Second)),
			Entry("in shared tables", inSharedTables, SpecTimeout(20*time.Second)),
		)
	}

	for _, family := range families {
		DescribeTable("may echo keep-alives of the miIO cloud, or accept connections and say nothing: "+family.name, func(ctx SpecContext, tables option) {
			s := newStreet(ctx, tables)
			address := family.first.String()
			block := []harness.Destination{destination("tcp/5222/" + address), destination("tcp/8883/" + address), destination("udp/8053/" + address)}
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), nil)).To(Succeed())

			line, err := s.device.Dial(ctx, "tcp", net.JoinHostPort(address, "5222"))
			Expect(err).NotTo(HaveOccurred())
			defer line.Close()
			_, err = line.Write([]byte("hello"))
			Expect(err).NotTo(HaveOccurred())
			Expect(line.SetReadDeadline(time.Now().Add(brief))).To(Succeed())
			_, err = line.Read(make([]byte, 1))
			Expect(err).To(MatchError(os.ErrDeadlineExceeded), "it is open, and nothing is said")
			keepAlive := append([]byte{0x21, 0x31, 0, 32}, make([]byte, 28)...)
			keepAlive[15] = 7 // its stamp
			cloud, err := s.device.Dial(ctx, "udp", net.JoinHostPort(address, "8053"))
			Expect(err).NotTo(HaveOccurred())
			defer cloud.Close()
			Expect(cloud.SetDeadline(time.Now().Add(patience))).To(Succeed())
			Expect(cloud.Write(keepAlive)).To(Equal(32))
			echo := make([]byte, 100)
			n, err := cloud.Read(echo)
			Expect(err).NotTo(HaveOccurred())
			Expect(echo[:n]).To(Equal(keepAlive))

			Expect(s.observe(ctx).StoodIn).To(ConsistOf(
				harness.StoodIn{Destination: block[0], Kind: harness.SilentTCP, Answers: 1},
				harness.StoodIn{Destination: block[2], Kind: harness.MiIOCloud, Answers: 1}))
			for _, port := range []uint16{5222, 8883} {
				Expect(try(ctx, s.device, "tcp", netip.MustParseAddr(family.gateway), port)).To(MatchError(unix.ECONNREFUSED), "the gateway has no such service")
			}
			Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
			Expect(line.SetReadDeadline(time.Now().Add(patience))).To(Succeed())
			_, err = line.Read(make([]byte, 1))
			Expect(err).NotTo(MatchError(os.ErrDeadlineExceeded), "the line ends with the block")
		},
			Entry("in its own tables", deviceAlone, SpecTimeout(20*time.Second)),
			Entry("in shared tables", inSharedTables, SpecTimeout(20*time.Second)),
		)
	}

	It("lets a device that floods it have what others get, and no more", func(ctx SpecContext) {
		s := newStreet(ctx)
		family := families[0]
		address := family.first.String()
		block := []harness.Destination{destination("icmp/echo/" + address), destination("tcp/443/" + address), destination("tcp/80/" + address), destination("tcp/5222/" + address), destination("udp/123/" + address)}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.AllStandIns()), nil)).To(Succeed())
		before := runtime.NumGoroutine()
		for _, port := range []uint16{80, 443, 5222} { // that say nothing
			for range 200 {
				connection, err := s.device.Dial(ctx, "tcp", netip.AddrPortFrom(family.first, port).String())
				Expect(err).NotTo(HaveOccurred())
				defer connection.Close()
			}
		}
		socket, err := s.device.Dial(ctx, "udp", netip.AddrPortFrom(family.first, 123).String())
		Expect(err).NotTo(HaveOccurred())
		defer socket.Close()
		for i := range 5000 {
			request := make([]byte, 48+i%2000)
			request[0] = 4<<3 | 3
			_, _ = socket.Write(request)
		}
		Expect(runtime.NumGoroutine()-before).To(BeNumerically("<", 3*(64+8)+16), "no more connections are served at a time")
		Eventually(func() error {
			_, err := askTime(ctx, s.device, address)
			return err
		}).WithContext(ctx).Should(Succeed())
		Expect(pings(ctx, s.device, family.first, 3)).To(Equal(3))
		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
		Eventually(runtime.NumGoroutine).WithContext(ctx).Should(BeNumerically("<=", before+4), "nothing is left of them")
	}, SpecTimeout(30*time.Second))

	DescribeTable("answers for an address that is learnt while it is on, and says when it was not used", func(ctx SpecContext, tables option) {
		s := newStreet(ctx, tables)
		s.zone.set("time.example", at(families[0].first))
		s.lookUp(ctx, "time.example")
		block := []harness.Destination{destination("udp/123/time.example")}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
		Expect(s.observe(ctx).StoodIn).To(BeEmpty())

		s.zone.set("time.example", at(families[0].second), at(families[1].second))
		s.lookUp(ctx, "time.example")
		for _, family := range families {
			Expect(askTime(ctx, s.device, family.second.String())).Error().NotTo(HaveOccurred())
		}
		Expect(s.observe(ctx).StoodIn).To(HaveExactElements(HaveField("Answers", 2)))
	},
		Entry("in its own tables", deviceAlone, SpecTimeout(20*time.Second)),
		Entry("in shared tables", inSharedTables, SpecTimeout(20*time.Second)),
	)

	DescribeTable("whose socket is closed from outside ends the run with that reason", func(ctx SpecContext, id, protocol, socket string) {
		s := newStreet(ctx)
		block := []harness.Destination{destination(id)}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
		s.observe(ctx)
		Expect(s.middle.Command(ctx, "ss", "--kill", "--all", "--"+protocol, "sport = "+socket).Run()).To(Succeed())
		Eventually(func() error {
			_, err := s.gateway.Observe(ctx)
			return err
		}).WithContext(ctx).Should(MatchError(ContainSubstring("does not answer any more")))
		Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
	},
		Entry("a time server", "udp/123/198.18.0.1", "udp", ":123", SpecTimeout(20*time.Second)),
		Entry("the pages", "tcp/80/198.18.0.1", "tcp", ":80", SpecTimeout(20*time.Second)),
	)

	for _, family := range families {
		It("is broken if this machine's clock is not that of the device's own time servers: "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx)
			right, wrong := family.first, family.second
			serveTime(ctx, s.outside, wrong, -3*time.Hour)
			block := []harness.Destination{destination("udp/123/" + right.String())}
			doubt := func(server netip.Addr) string {
				GinkgoHelper()
				Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
				Expect(askTime(ctx, s.device, server.String())).Error().NotTo(HaveOccurred())
				s.observe(ctx)
				Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
				Expect(askTime(ctx, s.device, right.String())).Error().NotTo(HaveOccurred())
				seen := s.observe(ctx).StoodIn
				Expect(seen).To(HaveLen(1))
				return seen[0].Doubt
			}
			Expect(doubt(wrong)).To(HavePrefix("the clock of this machine is 3 h ahead of the device's own time servers: set it"))
			serveTime(ctx, s.outside, right, 0)
			Expect(doubt(right)).To(BeEmpty(), "one of two is wrong")
		}, SpecTimeout(20*time.Second))
	}

	It("is broken if it is asked and its answers do not leave", func(ctx SpecContext) {
		s := newStreet(ctx)
		Expect(s.middle.Command(ctx, "iptables", "-I", "OUTPUT", "-p", "udp", "--sport", "123", "-j", "DROP").Run()).To(Succeed())
		address := families[0].first.String()
		block := []harness.Destination{destination("udp/123/" + address)}
		Expect(s.gateway.BlockWith(ctx, block, harness.Reject, harness.StandInsFor(block, harness.StandIns()), nil)).To(Succeed())
		Expect(try(ctx, s.device, "udp", families[0].first, 123)).NotTo(Succeed(), "this is no request")
		Expect(s.observe(ctx).StoodIn).To(BeEmpty())
		go func() { _, _ = askTime(ctx, s.device, address) }()
		Eventually(func() []harness.StoodIn { return s.observe(ctx).StoodIn }).WithContext(ctx).Should(HaveExactElements(And(
			HaveField("Answers", 0), HaveField("Doubt", HavePrefix("its answers could not be sent: ")))))
	}, SpecTimeout(20*time.Second))

	It("is refused for what it cannot answer, and for what is not blocked", func(ctx SpecContext) {
		s := newStreet(ctx)
		block := []harness.Destination{destination("tcp/443/a.example"), destination("udp/123/a.example")}
		for _, on := range []map[harness.Destination]harness.StandIn{
			{block[0]: harness.ProbePages},
			{destination("udp/123/b.example"): harness.TimeServer},
		} {
			Expect(s.gateway.BlockWith(ctx, block, harness.Reject, on, nil)).NotTo(Succeed())
		}
	}, SpecTimeout(20*time.Second))
})

// serveTime is a time server on the internet, whose clock is some time off.
func serveTime(ctx context.Context, at *netns.Namespace, address netip.Addr, off time.Duration) {
	GinkgoHelper()
	const since1900 = 2208988800 // seconds from 1900 to 1970
	socket, err := at.ListenPacket(ctx, "udp", netip.AddrPortFrom(address, 123).String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(socket.Close)
	go func() {
		request := make([]byte, 48)
		for {
			_, from, err := socket.ReadFrom(request)
			if err != nil {
				return
			}
			answer := make([]byte, 48)
			answer[0], answer[1] = 4<<3|4, 2 // version, server; stratum
			copy(answer[24:], request[40:])
			for _, at := range []int{16, 32, 40} {
				binary.BigEndian.PutUint32(answer[at:], uint32(time.Now().Add(off).Unix()+since1900))
			}
			_, _ = socket.WriteTo(answer, from)
		}
	}()
}

// askTime asks a time server from the device.
func askTime(ctx context.Context, from *netns.Namespace, server string) (*ntp.Response, error) {
	return ntp.QueryWithOptions(server, ntp.QueryOptions{Timeout: 2 * time.Second, Dialer: func(_, remote string) (net.Conn, error) {
		return from.Dial(ctx, "udp", remote)
	}})
}

// shakeHands completes a handshake of TLS with a server, and sends something.
func shakeHands(ctx context.Context, from *netns.Namespace, server string, config *tls.Config) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	raw, err := from.Dial(ctx, "tcp", net.JoinHostPort(server, "443"))
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	connection := tls.Client(raw, config)
	if err := connection.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	_, err = connection.Write([]byte("hello"))
	return connection.ConnectionState().PeerCertificates[0], err
}

// visit is the status and the text of a page.
func visit(ctx context.Context, from *netns.Namespace, server, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: from.Dial}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(server, "80")+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.Status[:3] + " " + string(text), err
}

// pings sends some ICMP echo requests, and counts the replies.
func pings(ctx context.Context, from *netns.Namespace, to netip.Addr, count int) (replies int, err error) {
	network, local, protocol := "ip4:icmp", "0.0.0.0", 1
	var asks, answers icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	if to.Is6() {
		network, local, protocol = "ip6:ipv6-icmp", "::", 58
		asks, answers = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	socket, err := from.ListenPacket(ctx, network, local)
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	for sequence := range count {
		request, err := (&icmp.Message{Type: asks, Body: &icmp.Echo{ID: 7, Seq: sequence, Data: make([]byte, 1200)}}).Marshal(nil)
		if err != nil {
			return 0, err
		}
		if _, err := socket.WriteTo(request, &net.IPAddr{IP: to.AsSlice()}); err != nil {
			return 0, err
		}
	}
	buffer := make([]byte, 1500)
	for wait := patience; ; {
		if err := socket.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return replies, err
		}
		n, sender, err := socket.ReadFrom(buffer)
		if err != nil {
			return replies, nil
		}
		if message, err := icmp.ParseMessage(protocol, buffer[:n]); err == nil && message.Type == answers && sender.String() == to.String() {
			replies++
		}
		if replies >= count { // more must not come
			wait = brief
		}
	}
}
