package gateway_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
)

// flood is something that a device, or the internet, can send without end, each
// packet a new one.
type flood struct {
	name   string
	packet func(i uint32) []byte
	mac    func(i uint32) net.HardwareAddr // of the sender; nil is the device's own
	answer bool                            // it comes from the uplink
	alone  bool                            // on a gateway that no other flood has filled, since each new address is looked for among all connections
}

// few is how many packets a flood has among the specs, and long is how long it lasts
// in make torture.
const (
	few  = 1024
	long = 10 * time.Minute
)

// The most that may be left of a flood, and the most while it lasts. The packets
// themselves are made and counted in this process, too.
const (
	mostLeft  = 96 << 20
	mostInUse = 256 << 20
)

// idle is how long this process is watched after a flood, and mostBusy the most that it
// may occupy a processor meanwhile: half as long as one thread that never rests.
const (
	idle     = 100 * time.Millisecond
	mostBusy = idle / 2
)

// mostNeighbours is a little more than the addresses of the device's network. The
// kernel's own limit is 1,024 for all namespaces together (gc_thresh3).
const mostNeighbours = 300

// floods has one for each part of docs/budgets.md that a device or a server can make
// grow.
func floods() []flood {
	own, controller := netip.MustParseAddr("192.168.50.10"), netip.MustParseAddr("192.168.1.5")
	return []flood{
		{name: "queries that nobody answers", packet: func(i uint32) []byte { return query(i, fmt.Sprintf("silent-%d.example.", i)) }},
		{name: "names with many addresses", packet: func(i uint32) []byte { return query(i, fmt.Sprintf("many-%d.example.", i)) }},
		{name: "a graph of CNAMEs", packet: func(i uint32) []byte { return query(i, fmt.Sprintf("alias-%d.example.", i%30_000)) }},
		{name: "new addresses of a few names, and connections to each", packet: func(i uint32) []byte {
			if i%64 == 0 {
				return query(i, fmt.Sprintf("same-%d.example.", i/64%2))
			}
			return tcp(own, netip.AddrFrom4([4]byte{198, 18, 1, byte(i)}), uint16(i>>8), i, layers.TCP{SYN: true}, "")
		}},
		{name: "connections", packet: func(i uint32) []byte { return tcp(own, everywhere(i), uint16(i>>16), i, layers.TCP{SYN: true}, "") }},
		{name: "ClientHellos that are never complete", packet: func(i uint32) []byte {
			if i%2 == 0 {
				return tcp(own, everywhere(i/2), 443, i, layers.TCP{SYN: true}, "")
			}
			return tcp(own, everywhere(i/2), 443, i, layers.TCP{ACK: true, PSH: true}, "\x16\x03\x01\x40\x00\x01\x00\x3f\xff"+strings.Repeat("x", 1000))
		}},
		{name: "datagrams", packet: func(i uint32) []byte { return udp(own, everywhere(i), uint16(i), uint16(i>>8), []byte("x")) }},
		{name: "ICMP echoes", packet: func(i uint32) []byte {
			return assembled(network(own, everywhere(i), layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: uint16(i)})
		}},
		{name: "other protocols", packet: func(i uint32) []byte {
			return assembled(network(own, everywhere(i), layers.IPProtocol(i%256)), gopacket.Payload("hello"))
		}},
		{name: "hosts at home", packet: func(i uint32) []byte {
			return udp(own, netip.AddrFrom4([4]byte{192, 168, 1, byte(i)}), 5353, uint16(i>>8), []byte("x"))
		}},
		{name: "made-up source addresses", packet: func(i uint32) []byte { return udp(everywhere(i), everywhere(^i), 7, 7, []byte("x")) }},
		{name: "made-up MAC addresses", mac: madeUp, packet: func(i uint32) []byte { return udp(own, everywhere(i), 7, 7, []byte("x")) }},
		{name: "made-up neighbours", mac: madeUp, packet: func(i uint32) []byte {
			return udp(netip.AddrFrom4([4]byte{192, 168, 50, byte(i)}), netip.MustParseAddr("192.168.50.1"), 7, 7, []byte("x"))
		}},
		{name: "made-up IPv6 routers", packet: announcementOf},
		{name: "DNS answers that nobody asked for", answer: true, packet: func(i uint32) []byte {
			answer := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(fmt.Sprintf("forged-%d.example.", i), dns.TypeA))
			fill(answer, 20)
			return udp(everywhere(i), own, 53, uint16(i), packed(answer))
		}},
		{name: "datagrams from the internet", answer: true, packet: func(i uint32) []byte { return udp(everywhere(i), own, uint16(i), uint16(i>>8), []byte("x")) }},
		{name: "calls from the home network", answer: true, packet: func(i uint32) []byte { return udp(controller, own, uint16(i), uint16(i>>8), []byte("x")) }},
		{name: "new addresses of a blocked name", alone: true, packet: func(i uint32) []byte { return query(i, "blocked.example.") }},
	}
}

var _ = Describe("a gateway under a flood", Label("root"), func() {
	Context("of each kind, one after another", Ordered, func() {
		var s *street
		var before load
		BeforeAll(func(ctx SpecContext) {
			s = flooded(ctx)
			before = weigh()
		}, NodeTimeout(20*time.Second))
		for _, f := range floods() {
			if !f.alone {
				It("has limits, and serves its device afterwards: "+f.name, func(ctx SpecContext) { s.survives(ctx, f, few, 0, before) }, SpecTimeout(2*time.Minute))
			}
		}
	})
	for _, f := range floods() {
		if f.alone {
			It("has limits, and serves its device afterwards: "+f.name, func(ctx SpecContext) {
				s := flooded(ctx)
				s.survives(ctx, f, few, 0, weigh())
			}, SpecTimeout(2*time.Minute))
		}
	}

	for _, f := range floods() {
		It("has limits for ten minutes: "+f.name, Label("slow"), func(ctx SpecContext) {
			s := flooded(ctx)
			s.survives(ctx, f, 1, long, weigh())
		}, SpecTimeout(long+2*time.Minute))
	}
})

// flooded is a street with a hostile resolver, whose device is well.
func flooded(ctx context.Context) *street {
	GinkgoHelper()
	s := newStreet(ctx, deviceAlone, func(c *gateway.Config) {
		c.Controllers, c.Upstream = nil, netip.MustParseAddrPort("192.168.1.1:5300")
	})
	liar(ctx, s.outside, "192.168.1.1:5300")
	s.offer(ctx, known, 443)
	s.lookUp(ctx, "cloud.example")
	s.lookUp(ctx, "blocked.example")
	s.block(ctx)
	return s
}

// block begins a window in which a hostile name is blocked.
func (s *street) block(ctx context.Context) {
	GinkgoHelper()
	Expect(s.gateway.Block(ctx, []harness.Destination{destination("tcp/443/blocked.example"), destination("udp/443/blocked.example")}, harness.Drop)).To(Succeed())
}

// survives floods a gateway, and looks what is left of that.
func (s *street) survives(ctx context.Context, f flood, least uint32, lasts time.Duration, before load) {
	GinkgoHelper()
	from, link, to, far := s.device, "d0", s.middle, "in0"
	if f.answer {
		from, link, far = s.outside, "o0", "up0"
	}
	sent, peak := pour(ctx, least, lasts, f, from, link, to, far)
	remembered, err := s.middle.Netlink().NeighList(0, netlink.FAMILY_ALL)
	Expect(err).NotTo(HaveOccurred())
	Expect(len(remembered)).To(BeNumerically("<", mostNeighbours), "of a table that the whole machine shares")
	Eventually(func(g Gomega) {
		found, err := s.ask(ctx, patience, "udp", "192.168.50.1", "cloud.example", dns.TypeA)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).To(HaveExactElements(known.String()))
		g.Expect(call(ctx, patience, s.device, "tcp", known, 443)).To(Succeed())
	}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
	seen, err := s.gateway.Observe(ctx)
	Expect(err).NotTo(HaveOccurred())
	Expect(len(seen.Contacts)).To(BeNumerically("<=", 512))
	Expect(len(seen.Untested)).To(BeNumerically("<=", 20))
	Expect(len(seen.Home)).To(BeNumerically("<=", 256))
	Expect(len(seen.Doubts)).To(BeNumerically("<=", 100))
	s.block(ctx)
	Eventually(func(g Gomega) {
		after := weigh()
		g.Expect(after.heap).To(BeNumerically("<", before.heap+mostLeft))
		g.Expect(after.goroutines).To(BeNumerically("<", before.goroutines+20))
		g.Expect(after.descriptors).To(BeNumerically("<", before.descriptors+20))
	}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
	rests(ctx)
	Expect(peak).To(BeNumerically("<", before.heap+mostInUse))
	GinkgoWriter.Printf("%s: %d packets; at most %d MB in use, %d MB left\n", f.name, sent, peak>>20, weigh().heap>>20)
}

// rests waits until this process has hardly anything to do. On a busy machine, one that
// has much to do runs no longer than others, but waits for a processor meanwhile.
func rests(ctx context.Context) {
	GinkgoHelper()
	var sum time.Duration // so that the first look, at everything so far, is not the last
	Eventually(func(g Gomega) time.Duration {
		before := sum
		sum = occupied(g)
		return sum - before
	}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(idle).Should(BeNumerically("<", mostBusy), "of %s of rest", idle)
}

// occupied is how long the threads of this process have run, or waited for a processor.
func occupied(g Gomega) (sum time.Duration) {
	GinkgoHelper()
	threads, err := filepath.Glob("/proc/self/task/*/schedstat")
	g.Expect(err).NotTo(HaveOccurred())
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) { // it has ended
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		var ran, waited time.Duration // in nanoseconds, as the kernel writes them
		_, err = fmt.Sscan(string(text), (*int64)(&ran), (*int64)(&waited))
		g.Expect(err).NotTo(HaveOccurred())
		sum += ran + waited
	}
	g.Expect(sum).NotTo(BeZero(), "this kernel does not say")
	return sum
}

// pour sends as fast as it can, at least a number of packets, and for at least a time.
func pour(ctx context.Context, least uint32, lasts time.Duration, f flood, from *netns.Namespace, link string, to *netns.Namespace, far string) (sent uint32, peak uint64) {
	GinkgoHelper()
	near, err := from.Netlink().LinkByName(link)
	Expect(err).NotTo(HaveOccurred())
	other, err := to.Netlink().LinkByName(far)
	Expect(err).NotTo(HaveOccurred())
	socket := -1
	Expect(from.Do(func() (err error) {
		socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})).To(Succeed())
	defer unix.Close(socket)
	until := time.Now().Add(lasts)
	for ; ctx.Err() == nil; sent++ {
		packet, mac := f.packet(sent), near.Attrs().HardwareAddr
		if f.mac != nil {
			mac = f.mac(sent)
		}
		kind := []byte{0x08, 0x00}
		if packet[0]>>4 == 6 {
			kind = []byte{0x86, 0xdd}
		}
		whole := append(append(append(append(make([]byte, 0, 14+len(packet)), other.Attrs().HardwareAddr...), mac...), kind...), packet...)
		_ = unix.Sendto(socket, whole, 0, &unix.SockaddrLinklayer{Ifindex: near.Attrs().Index}) // what has no room is not sent
		if sent%1024 != 0 {
			continue
		}
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
		if sent >= least && time.Now().After(until) {
			break
		}
	}
	return sent, peak
}

// load is what this process uses.
type load struct {
	heap        uint64
	goroutines  int
	descriptors int
}

func weigh() load {
	GinkgoHelper()
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	open, err := os.ReadDir("/proc/self/fd")
	Expect(err).NotTo(HaveOccurred())
	return load{now.HeapAlloc, runtime.NumGoroutine(), len(open)}
}

// liar is a hostile resolver: it answers for any name with as many addresses as fit,
// or with aliases of aliases, or not at all.
func liar(ctx context.Context, namespace *netns.Namespace, at string) {
	GinkgoHelper()
	packets, err := namespace.ListenPacket(ctx, "udp", at)
	Expect(err).NotTo(HaveOccurred())
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetReply(question)
		answer.Compress = true
		name := question.Question[0].Name
		kind, _, _ := strings.Cut(name, "-")
		switch {
		case name == "cloud.example." && question.Question[0].Qtype == dns.TypeA:
			answer.Answer = append(answer.Answer, addressOf(name, known))
		case kind == "silent":
			return
		case kind == "alias":
			for range 16 {
				next := fmt.Sprintf("alias-%d.example.", rand.N(30_000))
				answer.Answer = append(answer.Answer, &dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: next})
				name = next
			}
			answer.Answer = append(answer.Answer, addressOf(name, everywhere(rand.Uint32())))
		case kind == "same":
			for last := range 200 {
				answer.Answer = append(answer.Answer, addressOf(name, netip.AddrFrom4([4]byte{198, 18, 1, byte(last)})))
			}
		case name != "cloud.example." && question.IsEdns0() != nil:
			fill(answer, 200)
		case name != "cloud.example.":
			fill(answer, 20)
		}
		_ = w.WriteMsg(answer)
	})}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { _ = server.ActivateAndServe() }()
	<-started
	DeferCleanup(server.Shutdown)
}

// fill answers with addresses at random.
func fill(answer *dns.Msg, count int) {
	for range count {
		answer.Answer = append(answer.Answer, addressOf(answer.Question[0].Name, everywhere(rand.Uint32())))
	}
}

func addressOf(name string, address netip.Addr) dns.RR {
	return &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: address.AsSlice()}
}

// everywhere is one of 131,072 addresses of the internet, except for the known one's
// network.
func everywhere(i uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18 + byte(i>>16&1), byte(i>>8) | 1, byte(i)})
}

func madeUp(i uint32) net.HardwareAddr {
	return binary.BigEndian.AppendUint32(net.HardwareAddr{2, 7}, i)
}

func query(i uint32, name string) []byte {
	message := new(dns.Msg).SetQuestion(name, dns.TypeA)
	message.SetEdns0(4096, false)
	return udp(netip.MustParseAddr("192.168.50.10"), netip.MustParseAddr("192.168.50.1"), uint16(1024+i%60_000), 53, packed(message))
}

func packed(message *dns.Msg) []byte {
	GinkgoHelper()
	text, err := message.Pack()
	Expect(err).NotTo(HaveOccurred())
	return text
}

func udp(from, to netip.Addr, source, destination uint16, text []byte) []byte {
	GinkgoHelper()
	ip := network(from, to, layers.IPProtocolUDP)
	udp := &layers.UDP{SrcPort: layers.UDPPort(source), DstPort: layers.UDPPort(destination)}
	Expect(udp.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, udp, gopacket.Payload(text))
}

// tcp is one segment of the connection with a number.
func tcp(from, to netip.Addr, destination uint16, number uint32, flags layers.TCP, text string) []byte {
	GinkgoHelper()
	ip := network(from, to, layers.IPProtocolTCP)
	flags.SrcPort, flags.DstPort, flags.Seq, flags.Window = layers.TCPPort(1024+number/2%60_000), layers.TCPPort(destination), number, 1000
	Expect(flags.SetNetworkLayerForChecksum(ip.(gopacket.NetworkLayer))).To(Succeed())
	return assembled(ip, &flags, gopacket.Payload(text))
}

// announcementOf is that of a made-up IPv6 router.
func announcementOf(i uint32) []byte {
	GinkgoHelper()
	from := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: from.AsSlice(), DstIP: net.ParseIP("ff02::1")}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(134, 0)}
	Expect(icmp.SetNetworkLayerForChecksum(ip)).To(Succeed())
	return assembled(ip, icmp, gopacket.Payload([]byte{64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}))
}
