package names_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("the forwarder", Label("root"), func() {
	var (
		namespace *netns.Namespace
		learnt    atomic.Int32
		refusal   error
	)
	const upstream = "127.0.0.2:5353"
	own := netip.MustParseAddr("127.0.0.1")
	var blocked, late, anywhere atomic.Bool

	BeforeEach(func(ctx SpecContext) {
		var err error
		namespace = netnstest.New()
		learnt.Store(0)
		refusal = nil
		blocked.Store(false)
		late.Store(false)
		anywhere.Store(false)
		forwarder, err := names.Forward(ctx, namespace, names.Config{
			Link: "lo", Port: names.Port, Own: []netip.Addr{own}, Upstream: netip.MustParseAddrPort(upstream),
			Learn: func(_ context.Context, answer names.Answered) error {
				defer GinkgoRecover()
				defer learnt.Add(1)
				Expect(answer.Name).To(Equal("cloud.example"))
				Expect(answer.Addresses).To(HaveExactElements(one))
				return refusal
			},
			Blocked: func(question names.Question, again bool) bool {
				defer GinkgoRecover()
				Expect(question.Name).To(Equal("cloud.example"))
				if !anywhere.Load() {
					Expect(question.To).To(Equal(netip.AddrPortFrom(own, names.Port)))
				}
				return blocked.Load() || late.Load() && again
			},
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(forwarder.Close)
	}, NodeTimeout(20*time.Second))

	ask := func(ctx context.Context, network string) (*dns.Msg, error) {
		connection, err := namespace.Dial(ctx, network, "127.0.0.1:53")
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		client := &dns.Client{Net: network, Timeout: 10 * time.Second}
		answer, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA), &dns.Conn{Conn: connection})
		return answer, err
	}

	for _, network := range []string{"udp", "tcp"} {
		It("says what it learnt before the answer leaves, over "+network, func(ctx SpecContext) {
			serve(ctx, namespace, upstream)
			answer, err := ask(ctx, network)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Answer).To(HaveExactElements(HaveField("Hdr.Ttl", BeEquivalentTo(1))), "it may not be kept for long")
			Expect(learnt.Load()).To(BeEquivalentTo(1))
		}, SpecTimeout(20*time.Second))
	}

	It("passes on an answer that fills the device's buffer", func(ctx SpecContext) {
		anywhere.Store(true)
		packets, err := namespace.ListenPacket(ctx, "udp", "127.0.0.3:5353")
		Expect(err).NotTo(HaveOccurred())
		server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			reply := new(dns.Msg).SetReply(question)
			reply.Compress = true
			for last := range byte(29) {
				reply.Answer = append(reply.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(198, 51, 100, last),
				})
			}
			_ = w.WriteMsg(reply)
		})}
		go func() { _ = server.ActivateAndServe() }()
		DeferCleanup(server.Shutdown)
		forwarder, err := names.Forward(ctx, namespace, names.Config{
			Link: "lo", Port: 5300, Own: []netip.Addr{own}, Upstream: netip.MustParseAddrPort("127.0.0.3:5353"),
			Learn: func(context.Context, names.Answered) error { return nil },
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(forwarder.Close)
		connection, err := namespace.Dial(ctx, "udp", "127.0.0.1:5300")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		client := &dns.Client{Timeout: 5 * time.Second} // with 512 bytes (RFC 1035)
		answer, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA), &dns.Conn{Conn: connection})
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Answer).To(HaveLen(29))
	}, SpecTimeout(20*time.Second))

	It("sends no answer that could not be learnt", func(ctx SpecContext) {
		serve(ctx, namespace, upstream)
		refusal = errors.New("the set is full")
		answer, err := ask(ctx, "udp")
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Rcode).To(Equal(dns.RcodeServerFailure))
		Expect(answer.Answer).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("says that it failed when the resolver behind it is not there", func(ctx SpecContext) {
		answer, err := ask(ctx, "udp")
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Rcode).To(Equal(dns.RcodeServerFailure))
		Expect(learnt.Load()).To(BeZero())
	}, SpecTimeout(20*time.Second))

	for _, network := range []string{"udp", "tcp"} {
		It("says of a blocked name that there is none, over "+network, func(ctx SpecContext) {
			blocked.Store(true) // whether or not anybody is behind
			answer, err := ask(ctx, network)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Rcode).To(Equal(dns.RcodeNameError))
			Expect(answer.Ns).To(BeEmpty(), "without an SOA it is not remembered (RFC 2308)")
		}, SpecTimeout(20*time.Second))

		It("sends no answer that was on its way when its name was blocked, over "+network, func(ctx SpecContext) {
			serve(ctx, namespace, upstream)
			late.Store(true)
			answer, err := ask(ctx, network)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Rcode).To(Equal(dns.RcodeNameError))
			Expect(answer.Answer).To(BeEmpty())
		}, SpecTimeout(20*time.Second))
	}

	It("queries its upstream alone, whichever resolver the device means", func(ctx SpecContext) {
		anywhere.Store(true)
		serve(ctx, namespace, upstream)
		other, err := namespace.ListenPacket(ctx, "udp", "127.0.0.9:5353")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(other.Close)
		connection, err := namespace.Dial(ctx, "udp", "127.0.0.9:53")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		answer, _, err := (&dns.Client{Timeout: 5 * time.Second}).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA), &dns.Conn{Conn: connection})
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Answer).To(HaveLen(1), "from the address that was queried")
	}, SpecTimeout(20*time.Second))

	It("passes nothing on but queries", func(ctx SpecContext) {
		received := silent(ctx, namespace, upstream)
		connection, err := namespace.Dial(ctx, "udp", "127.0.0.1:53")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		for _, opcode := range []int{dns.OpcodeUpdate, dns.OpcodeNotify, dns.OpcodeStatus} {
			message := new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA)
			message.Opcode = opcode
			answer, _, err := (&dns.Client{Timeout: 5 * time.Second}).ExchangeWithConnContext(ctx, message, &dns.Conn{Conn: connection})
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Rcode).To(Equal(dns.RcodeNotImplemented))
		}
		Expect(received()).To(BeZero())
	}, SpecTimeout(20*time.Second))

	It("has a limited number of queries in flight, and drops the rest", func(ctx SpecContext) {
		received := silent(ctx, namespace, upstream)
		connection, err := namespace.Dial(ctx, "udp", "127.0.0.1:53")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		query, err := new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA).Pack()
		Expect(err).NotTo(HaveOccurred())
		const limit, many = 256, 20
		for range many { // in portions that the socket has room for
			before := received()
			for range limit / 2 {
				_, err := connection.Write(query)
				Expect(err).NotTo(HaveOccurred())
			}
			if before < limit {
				Eventually(received).WithContext(ctx).Should(BeNumerically(">", before))
			}
		}
		Eventually(received).WithContext(ctx).Should(Equal(limit))
		Consistently(received).WithContext(ctx).WithTimeout(300 * time.Millisecond).Should(Equal(limit))
	}, SpecTimeout(20*time.Second))

	DescribeTable("refuses an upstream that is not one host", func(ctx SpecContext, address string) {
		_, err := names.Forward(ctx, namespace, names.Config{Link: "lo", Port: 5300, Own: []netip.Addr{own}, Upstream: netip.MustParseAddrPort(address)})
		Expect(err).To(MatchError(ContainSubstring("unicast")))
	},
		Entry("broadcast", "255.255.255.255:53", SpecTimeout(20*time.Second)), Entry("multicast", "224.0.0.251:53", SpecTimeout(20*time.Second)),
		Entry("unspecified", "0.0.0.0:53", SpecTimeout(20*time.Second)), Entry("multicast, IPv6", "[ff02::fb]:53", SpecTimeout(20*time.Second)),
	)

	It("sends no query to a broadcast address, which only the kernel knows to be one", func(ctx SpecContext) {
		received := silent(ctx, namespace, "0.0.0.0:5454")
		forwarder, err := names.Forward(ctx, namespace, names.Config{
			Link: "lo", Port: 5300, Own: []netip.Addr{own}, Upstream: netip.MustParseAddrPort("127.255.255.255:5454"),
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(forwarder.Close)
		connection, err := namespace.Dial(ctx, "udp", "127.0.0.1:5300")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		answer, _, err := (&dns.Client{Timeout: 5 * time.Second}).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA), &dns.Conn{Conn: connection})
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Rcode).To(Equal(dns.RcodeServerFailure))
		Expect(received()).To(BeZero())
	}, SpecTimeout(20*time.Second))

	DescribeTable("answers one source address alone, if that is known, also of the device's own MAC address", func(ctx SpecContext, network string) {
		device := netnstest.New()
		mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
		Expect(netns.Veth(netns.End{Namespace: device, Name: "d0", MAC: mac}, netns.End{Namespace: namespace, Name: "in0"})).To(Succeed())
		router, address, other := netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("192.168.50.10"), netip.MustParseAddr("192.168.50.66")
		Expect(namespace.AddAddress("in0", netip.PrefixFrom(router, 24))).To(Succeed())
		for _, each := range []netip.Addr{address, other} {
			Expect(device.AddAddress("d0", netip.PrefixFrom(each, 24))).To(Succeed())
		}
		serve(ctx, namespace, upstream)
		forwarder, err := names.Forward(ctx, namespace, names.Config{
			Link: "in0", MAC: mac, From: address, Port: 10053, Own: []netip.Addr{router}, Upstream: netip.MustParseAddrPort(upstream),
			Learn: func(context.Context, names.Answered) error { return nil },
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(forwarder.Close)
		answered := func(from netip.Addr, patience time.Duration) bool {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			connection, err := device.DialFrom(from)(ctx, network, netip.AddrPortFrom(router, 10053).String())
			if err != nil {
				return false
			}
			defer connection.Close()
			_, _, err = (&dns.Client{Net: network}).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA), &dns.Conn{Conn: connection})
			return err == nil
		}
		Expect(answered(address, 5*time.Second)).To(BeTrue())
		Expect(answered(other, 500*time.Millisecond)).To(BeFalse())
	}, Entry("over UDP", "udp", SpecTimeout(20*time.Second)), Entry("over TCP", "tcp", SpecTimeout(20*time.Second)))

	It("names the link that it cannot answer on", func(ctx SpecContext) {
		_, err := names.Forward(ctx, namespace, names.Config{Link: "eth7", Own: []netip.Addr{own}, Upstream: netip.MustParseAddrPort(upstream)})
		Expect(err).To(MatchError(ContainSubstring("eth7")))
	}, SpecTimeout(20*time.Second))
})

// silent receives queries and answers none. It counts them.
func silent(ctx context.Context, namespace *netns.Namespace, address string) (received func() int) {
	GinkgoHelper()
	packets, err := namespace.ListenPacket(ctx, "udp", address)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(packets.Close)
	var count atomic.Int32
	go func() {
		buffer := make([]byte, 512)
		for {
			if _, _, err := packets.ReadFrom(buffer); err != nil {
				return
			}
			count.Add(1)
		}
	}()
	return func() int { return int(count.Load()) }
}

func serve(ctx context.Context, namespace *netns.Namespace, address string) {
	GinkgoHelper()
	packets, err := namespace.ListenPacket(ctx, "udp", address)
	Expect(err).NotTo(HaveOccurred())
	listener, err := namespace.Listen(ctx, "tcp", address)
	Expect(err).NotTo(HaveOccurred())
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		reply := new(dns.Msg).SetReply(question)
		reply.Answer = append(reply.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600},
			A:   net.IPv4(198, 51, 100, 1),
		})
		_ = w.WriteMsg(reply)
	})
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		DeferCleanup(server.Shutdown)
	}
}
