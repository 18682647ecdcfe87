package watch_test

import (
	"errors"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/watch"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("what happens to a gateway's network", Label("root"), func() {
	var middle, outside *netns.Namespace
	open := func(shared bool) *watch.Changes {
		GinkgoHelper()
		changes, err := watch.OpenChanges(middle, chains.Layout{Inside: "in0", Uplink: "up0", Shared: shared})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(changes.Close)
		Expect(changes.Open()).To(Succeed())
		Expect(changes.Said()).To(BeEmpty())
		return changes
	}

	BeforeEach(func(ctx SpecContext) {
		device := netnstest.New()
		middle, outside = netnstest.New(), netnstest.New()
		Expect(netns.Veth(netns.End{Namespace: middle, Name: "in0"}, netns.End{Namespace: device, Name: "eth0"})).To(Succeed())
		Expect(netns.Veth(netns.End{Namespace: middle, Name: "up0"}, netns.End{Namespace: outside, Name: "port0"})).To(Succeed())
		Expect(middle.AddAddress("up0", netip.MustParsePrefix("192.168.1.2/24"))).To(Succeed())
		Expect(middle.AddAddress("in0", netip.MustParsePrefix("192.168.50.1/24"))).To(Succeed())
		netnstest.Shell(ctx, middle, `ip route add default via 192.168.1.1; sysctl -qw net.ipv4.ip_forward=1
			iptables-nft -N NEEDWANT; iptables-nft -A NEEDWANT -j RETURN; iptables-nft -I FORWARD -j NEEDWANT
			iptables-nft -N NEEDWANT-RULES`)
	}, NodeTimeout(20*time.Second))

	DescribeTable("is noted, and for as long as it lasts", func(ctx SpecContext, undo, disturb, says string) {
		for _, shared := range []bool{false, true} {
			changes := open(shared)
			netnstest.Shell(ctx, middle, disturb)
			Expect(changes.Said()).To(ContainSubstring(says))
			if undo != "" {
				Expect(changes.Open()).To(Succeed())
				Expect(changes.Said()).NotTo(BeEmpty(), "it is still so")
				netnstest.Shell(ctx, middle, undo)
				Expect(changes.Open()).To(Succeed())
			}
			Expect(changes.Open()).To(Succeed())
			Expect(changes.Said()).To(BeEmpty())
		}
	},
		Entry("an uplink that goes down", "ip link set up0 up; ip route add default via 192.168.1.1", "ip link set up0 down", "its ", SpecTimeout(20*time.Second)),
		Entry("an uplink that comes back at once", "", "ip link set up0 down; ip link set up0 up; ip route add default via 192.168.1.1", "its ", SpecTimeout(20*time.Second)),
		Entry("an interface to the device that goes down", "ip link set in0 up", "ip link set in0 down", "its ", SpecTimeout(20*time.Second)),
		Entry("a default route", "ip route add default via 192.168.1.1", "ip route del default", "its routes changed", SpecTimeout(20*time.Second)),
		Entry("an address", "ip addr add 192.168.50.1/24 dev in0", "ip addr del 192.168.50.1/24 dev in0", "changed", SpecTimeout(20*time.Second)),
		Entry("forwarding", "sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.ip_forward=0", "forwarding was switched off", SpecTimeout(20*time.Second)),
		Entry("a permanent ARP entry", "ip neigh del 192.168.1.9 dev up0", "ip neigh add 192.168.1.9 lladdr 02:00:00:00:00:99 dev up0 nud permanent", "ARP table", SpecTimeout(20*time.Second)),
		Entry("rules that are away for a moment", "", "iptables-nft -D FORWARD -j NEEDWANT; iptables-nft -I FORWARD -j NEEDWANT", "firewall rules", SpecTimeout(20*time.Second)),
		Entry("a chain that is flushed for a moment", "", "iptables-nft -F NEEDWANT; iptables-nft -A NEEDWANT -j RETURN", "firewall rules", SpecTimeout(20*time.Second)),
	)

	It("is noted when a cable is pulled, at the uplink alone", func(ctx SpecContext) {
		changes := open(false)
		netnstest.Shell(ctx, outside, "ip link set port0 down")
		Expect(changes.Said()).To(ContainSubstring("lost its carrier"))
		netnstest.Shell(ctx, outside, "ip link set port0 up")
		Eventually(func() (string, error) {
			Expect(changes.Open()).To(Succeed())
			return changes.Said()
		}).WithContext(ctx).Should(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("is the gateway's own business when it blocks more", func(ctx SpecContext) {
		changes := open(false)
		netnstest.Shell(ctx, middle, "iptables-nft -A NEEDWANT-RULES -d 203.0.113.1 -j DROP")
		Expect(changes.Said()).To(BeEmpty())
	}, SpecTimeout(20*time.Second))

	It("is the gateway's own business when it takes an interface down and up, and nothing else at that time is", func(ctx SpecContext) {
		relink := func() error { return errors.Join(middle.SetDown("in0"), middle.SetUp("in0")) }
		changes := open(false)
		Expect(changes.Except(relink)).To(Succeed())
		Expect(changes.Said()).To(BeEmpty())
		Expect(changes.Except(func() error {
			netnstest.Shell(ctx, middle, "ip route del default")
			return relink()
		})).To(Succeed())
		Expect(changes.Said()).To(ContainSubstring("no longer so"))
	}, SpecTimeout(20*time.Second))

	It("is another's business in shared tables", func(ctx SpecContext) {
		changes := open(true)
		netnstest.Shell(ctx, middle, `iptables-nft -A FORWARD -s 10.9.9.9 -j DROP; iptables-nft -D FORWARD -s 10.9.9.9 -j DROP
			ip link add dummy1 type veth peer name dummy2; ip link set dummy1 up; ip addr add 10.9.9.1/24 dev dummy1; ip link del dummy1`)
		Expect(changes.Said()).To(BeEmpty())
	}, SpecTimeout(20*time.Second))
})
