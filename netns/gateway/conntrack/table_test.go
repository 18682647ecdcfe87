package conntrack_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("the connections that a namespace tracks", Label("root"), func() {
	var (
		namespace *netns.Namespace
		followed  *conntrack.Table
		dumped    *conntrack.Table // for what there is, whatever happened before
	)
	all := func(conntrack.Flow) bool { return true }
	to := func(target string) func(conntrack.Flow) bool {
		return func(f conntrack.Flow) bool { return f.Target == netip.MustParseAddrPort(target) }
	}
	plain := func(flows []conntrack.Flow) (texts []string) {
		for _, f := range flows {
			texts = append(texts, fmt.Sprintf("%d %s %s %s %v %v %v %d", f.Protocol, f.Client, f.Target, f.Remote, f.Established, f.Sent, f.Received, f.Mark))
		}
		return texts
	}
	list := func(table *conntrack.Table) []string {
		GinkgoHelper()
		flows, err := table.List(all)
		Expect(err).NotTo(HaveOccurred())
		return plain(flows)
	}
	targets := func(table *conntrack.Table) (texts []string) {
		GinkgoHelper()
		flows, err := table.List(all)
		Expect(err).NotTo(HaveOccurred())
		for _, f := range flows {
			texts = append(texts, f.Target.String())
		}
		return texts
	}
	// say sends a datagram to each address, and waits until it was refused: the kernel counts
	// a connection that is forgotten for as long as it has a packet of it.
	say := func(ctx context.Context, addresses ...string) {
		GinkgoHelper()
		for _, address := range addresses {
			connection, err := namespace.Dial(ctx, "udp", address)
			Expect(err).NotTo(HaveOccurred())
			Expect(connection.Write([]byte("x"))).To(Equal(1))
			deadline, _ := ctx.Deadline()
			Expect(connection.SetReadDeadline(deadline)).To(Succeed())
			_, err = connection.Read(make([]byte, 1))
			Expect(err).To(MatchError(unix.ECONNREFUSED))
			Expect(connection.Close()).To(Succeed())
		}
	}
	// many says something to so many ports.
	many := func(ctx context.Context, count int) {
		GinkgoHelper()
		socket, err := namespace.ListenPacket(ctx, "udp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		for i := range count - 1 {
			_, err := socket.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 10000 + i})
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(socket.Close()).To(Succeed())
		say(ctx, "127.0.0.2:9999")
	}

	BeforeEach(func() {
		var err error
		namespace = netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		for _, family := range chains.Families() { // a rule that makes the kernel track connections
			Expect(tables.Append(family, "filter", "OUTPUT", chains.Rulef("-m conntrack --ctstate NEW -j ACCEPT"))).To(Succeed())
		}
		Expect(namespace.Sysctl("net.netfilter.nf_conntrack_acct", "1")).To(Succeed())
		dumped, err = conntrack.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(dumped.Close)
	})
	follow := func() {
		GinkgoHelper()
		var err error
		followed, err = conntrack.Follow(namespace)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(followed.Close)
		Expect(list(followed)).To(ConsistOf(list(dumped)))
		Expect(followed.Dumps()).To(Equal(1), "those from before are learnt by a dump")
	}

	It("are known from events, as a dump shows them", func(ctx SpecContext) {
		say(ctx, "127.0.0.1:4001", "[::1]:4001")
		follow()
		say(ctx, "127.0.0.1:4002", "[::1]:4002", "127.0.0.1:4001")
		listener, err := namespace.Listen(ctx, "tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		stream, err := namespace.Dial(ctx, "tcp", listener.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(stream.Close)
		_ = namespace.Command(ctx, "ping", "-c1", "127.0.0.1").Run() // if there is a ping

		Expect(list(followed)).To(ConsistOf(list(dumped)))
		Expect(list(followed)).To(ContainElement(And(HavePrefix("6 "), ContainSubstring(" true "))), "with the state of TCP")
		Expect(followed.Dumps()).To(Equal(1))

		flows, err := followed.List(to("127.0.0.1:4002"))
		Expect(err).NotTo(HaveOccurred())
		Expect(flows).To(HaveExactElements(And(
			HaveField("Protocol", BeEquivalentTo(unix.IPPROTO_UDP)), HaveField("Remote", netip.MustParseAddrPort("127.0.0.1:4002")),
			HaveField("Sent", conntrack.Count{Packets: 1, Bytes: 29}))))
	}, SpecTimeout(20*time.Second))

	for _, way := range []string{"one by one", "by a dump"} {
		It("are forgotten "+way+", those that are chosen and no others", func(ctx SpecContext) {
			follow()
			table := map[string]*conntrack.Table{"one by one": followed, "by a dump": dumped}[way]
			say(ctx, "127.0.0.1:4001", "127.0.0.1:4002", "[::1]:4001")
			Expect(table.Forget(to("127.0.0.1:4001"))).To(Succeed())
			Expect(table.Forget(to("[::1]:4001"))).To(Succeed())
			Expect(targets(dumped)).To(ConsistOf("127.0.0.1:4002"))
			Expect(targets(followed)).To(ConsistOf("127.0.0.1:4002"))
			Expect(followed.Dumps()).To(Equal(1))
		}, SpecTimeout(20*time.Second))

		It("are counted again "+way, func(ctx SpecContext) {
			follow()
			table := map[string]*conntrack.Table{"one by one": followed, "by a dump": dumped}[way]
			say(ctx, "127.0.0.1:4001", "[::1]:4001")
			Expect(table.CountAnew(0)).To(Succeed())
			flows, err := followed.List(all)
			Expect(err).NotTo(HaveOccurred())
			Expect(flows).To(HaveLen(2))
			Expect(flows).To(HaveEach(And(HaveField("Sent", conntrack.Count{}), HaveField("Received", conntrack.Count{}))))
			Expect(followed.Dumps()).To(Equal(1))
		}, SpecTimeout(20*time.Second))
	}

	It("are counted again only if they have a mark", func(ctx SpecContext) {
		follow()
		say(ctx, "127.0.0.1:4001")
		Expect(followed.CountAnew(0x02000000)).To(Succeed())
		flows, err := followed.List(all)
		Expect(err).NotTo(HaveOccurred())
		Expect(flows).To(HaveExactElements(HaveField("Sent.Packets", BeEquivalentTo(1))))
	}, SpecTimeout(20*time.Second))

	It("are all known after more of them than there is room for events", func(ctx SpecContext) {
		follow()
		Expect(followed.Narrow()).To(Succeed())
		many(ctx, 100)
		Expect(targets(followed)).To(HaveLen(100))
		Expect(followed.Dumps()).To(Equal(2), "events were lost")
		Expect(dumped.Forget(all)).To(Succeed())
		Expect(targets(followed)).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("are all known if the kernel tells of none", func(ctx SpecContext) {
		follow()
		Expect(namespace.Sysctl("net.netfilter.nf_conntrack_events", "0")).To(Succeed())
		say(ctx, "127.0.0.1:4001")
		Expect(targets(followed)).To(ConsistOf("127.0.0.1:4001"))
		Expect(dumped.Forget(all)).To(Succeed())
		say(ctx, "127.0.0.1:4002")
		Expect(targets(followed)).To(ConsistOf("127.0.0.1:4002"))
		say(ctx, "127.0.0.1:4003")
		Expect(followed.Forget(to("127.0.0.1:4003"))).To(Succeed())
		Expect(targets(dumped)).To(ConsistOf("127.0.0.1:4002"))
	}, SpecTimeout(20*time.Second))

	It("are dumped if a dump is cheaper, and yet known", func(ctx SpecContext) {
		follow()
		many(ctx, conntrack.MostAsked+1)
		Expect(targets(followed)).To(HaveLen(conntrack.MostAsked + 1))
		dumps := followed.Dumps()
		Expect(followed.Forget(to("127.0.0.2:10000"))).To(Succeed())
		flows, err := followed.List(to("127.0.0.2:10001"))
		Expect(err).NotTo(HaveOccurred())
		Expect(flows).To(HaveLen(1))
		Expect(followed.Dumps()).To(Equal(dumps), "few are asked for")
		Expect(targets(followed)).To(HaveLen(conntrack.MostAsked))
		Expect(followed.Dumps()).To(Equal(dumps))
		say(ctx, "127.0.0.1:4001")
		Expect(targets(followed)).To(HaveLen(conntrack.MostAsked + 1))
		Expect(followed.Dumps()).To(Equal(dumps + 1))
	}, SpecTimeout(20*time.Second))

	It("are dumped if there are too many to be remembered", func(ctx SpecContext) {
		follow()
		many(ctx, conntrack.MostKnown+1)
		Expect(targets(followed)).To(HaveLen(conntrack.MostKnown + 1))
		Expect(followed.Dumps()).To(Equal(2))
		Expect(targets(followed)).To(HaveLen(conntrack.MostKnown + 1))
		Expect(followed.Dumps()).To(Equal(3))
		Expect(dumped.Forget(all)).To(Succeed())
		Expect(targets(followed)).To(BeEmpty())
		say(ctx, "127.0.0.1:4001")
		dumps := followed.Dumps()
		Expect(targets(followed)).To(ConsistOf("127.0.0.1:4001"))
		Expect(followed.Dumps()).To(Equal(dumps), "they are few again")
	}, SpecTimeout(20*time.Second))

	It("cannot be listed once the table is closed", func() {
		follow()
		Expect(followed.Close()).To(Succeed())
		_, err := followed.List(all)
		Expect(err).To(MatchError(ContainSubstring("closed")))
	})
})
