package block_test

import (
	"fmt"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
	"github.com/needwant/needwant/netns/netnstest"
)

var (
	first  = block.Entry{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "tcp", Port: 443}
	second = block.Entry{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "udp", Port: 443}
	pings  = block.Entry{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "icmp"}
	pings6 = block.Entry{Address: netip.MustParseAddr("2001:db8::3"), Protocol: "icmp"}
	whole  = block.Entry{Address: netip.MustParseAddr("198.51.100.1"), Protocol: "udp"}
	whole6 = block.Entry{Address: netip.MustParseAddr("2001:db8::3"), Protocol: "tcp"}
	third  = block.Entry{Address: netip.MustParseAddr("2001:db8::3"), Protocol: "udp", Port: 8053}
)

var _ = Describe("a driver", Label("root"), func() {
	for _, kind := range []string{"ipset", "iptables"} {
		Context(kind, func() {
			var (
				namespace *netns.Namespace
				tables    *chains.Tables
				driver    block.Driver
			)

			BeforeEach(func() {
				var err error
				namespace = netnstest.New()
				tables, err = chains.Open(namespace)
				Expect(err).NotTo(HaveOccurred())
				driver, err = block.Open(kind, namespace, tables, layout)
				Expect(err).NotTo(HaveOccurred())
			})

			It("begins with nothing blocked", func() {
				Expect(driver.Check()).To(BeEmpty())
			})

			It("holds what it was asked for, through every change of set and fault", func() {
				for _, step := range []struct {
					fault   harness.Fault
					entries []block.Entry
				}{
					{harness.Reject, []block.Entry{first, third}},
					{harness.Reject, []block.Entry{second, third, third}},
					{harness.Drop, []block.Entry{third}},
					{harness.Drop, nil},
					{harness.Reject, []block.Entry{first, second, third}},
					{harness.Reject, []block.Entry{pings, whole, first}},
					{harness.Drop, []block.Entry{pings6, whole6, whole, second}},
					{harness.Drop, []block.Entry{pings6, second}},
					{harness.Reject, []block.Entry{whole}},
				} {
					Expect(driver.Replace(step.entries, step.fault)).To(Succeed())
					Expect(driver.Check()).To(BeEmpty())
				}
			})

			It("adds to what it holds", func() {
				Expect(driver.Replace([]block.Entry{first}, harness.Drop)).To(Succeed())
				Expect(driver.Add([]block.Entry{third, first, pings, pings6, whole, whole6, whole})).To(Succeed())
				Expect(driver.Check()).To(BeEmpty())
				Expect(driver.Replace(nil, harness.Drop)).To(Succeed())
				Expect(driver.Check()).To(BeEmpty())
			})

			It("refuses a fault that is no matter of addresses", func() {
				Expect(driver.Replace([]block.Entry{first}, harness.NXDomain)).To(MatchError(ContainSubstring("nxdomain")))
				Expect(driver.Check()).To(BeEmpty())
			})
		})
	}

	It("with iptables writes a rule again that the kernel rejected", func(ctx SpecContext) {
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		driver, err := block.Open("iptables", namespace, tables, layout)
		Expect(err).NotTo(HaveOccurred())
		Expect(namespace.Command(ctx, "iptables", "-E", block.RuleList, "AWAY").Run()).To(Succeed())
		Expect(driver.Replace([]block.Entry{first}, harness.Drop)).NotTo(Succeed())
		Expect(namespace.Command(ctx, "iptables", "-E", "AWAY", block.RuleList).Run()).To(Succeed())
		Expect(driver.Check()).NotTo(BeEmpty(), "it is not blocked")
		Expect(driver.Add([]block.Entry{first})).To(Succeed())
		Expect(driver.Check()).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("with ipset writes two thousand addresses of both families in one go", func() {
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		driver, err := block.Open("ipset", namespace, tables, layout)
		Expect(err).NotTo(HaveOccurred())

		var entries []block.Entry
		for i := range 1500 {
			entries = append(entries,
				block.Entry{Address: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), Protocol: "tcp", Port: 443},
				block.Entry{Address: netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)), Protocol: "udp", Port: 123})
		}
		Expect(driver.Replace(entries, harness.Reject)).To(Succeed())
		Expect(driver.Check()).To(BeEmpty())
	})

	It("notices an entry that nobody asked for, in the set that is not in use too", func() {
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		driver, err := block.Open("ipset", namespace, tables, layout)
		Expect(err).NotTo(HaveOccurred())
		Expect(driver.Replace([]block.Entry{first}, harness.Reject)).To(Succeed())
		Expect(namespace.Netlink().IpsetSwap("needwant-drop-4", "needwant-reject-4")).To(Succeed())
		Expect(driver.Check()).NotTo(BeEmpty())
	})

	It("of an unknown kind is refused", func() {
		_, err := block.Open("ebpf", nil, nil, layout)
		Expect(err).To(MatchError(ContainSubstring("ipset or iptables")))
	})
})

var _ = Describe("forgetting connections", Label("root"), func() {
	It("forgets those to the entries and no others", func(ctx SpecContext) {
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		for _, family := range chains.Families() { // a rule that makes the kernel track connections
			Expect(tables.Append(family, "filter", "OUTPUT", chains.Rulef("-m conntrack --ctstate NEW -j ACCEPT"))).To(Succeed())
		}
		for _, address := range []string{"127.0.0.1:4001", "127.0.0.1:4002", "[::1]:4001"} {
			connection, err := namespace.Dial(ctx, "udp", address)
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(connection.Close)
			Expect(connection.Write([]byte("x"))).To(Equal(1))
		}
		Expect(remembered(namespace)).To(ConsistOf("127.0.0.1:4001", "127.0.0.1:4002", "[::1]:4001"))

		tracked, err := conntrack.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(tracked.Close)
		Expect(block.Forget(tracked, chains.Layout{}, []block.Entry{
			{Address: netip.MustParseAddr("127.0.0.1"), Protocol: "udp", Port: 4001},
			{Address: netip.MustParseAddr("::1"), Protocol: "udp", Port: 4001},
			{Address: netip.MustParseAddr("127.0.0.1"), Protocol: "tcp", Port: 4002},
		})).To(Succeed())
		Expect(remembered(namespace)).To(ConsistOf("127.0.0.1:4002"))
	}, SpecTimeout(20*time.Second))
})
