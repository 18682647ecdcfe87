package placement_test

import (
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/placement"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("a marked packet", Label("root"), func() {
	// The device has two links: one to the gateway, and one to another router, which
	// knows the way to everybody.
	DescribeTable("comes back across the gateway", func(ctx SpecContext, mark placement.Mark, router, trick string) {
		device, gateway, other := netnstest.New(), netnstest.New(), netnstest.New()
		for i, far := range []*netns.Namespace{gateway, other} {
			name := []string{"d0", "d1"}[i]
			Expect(netns.Veth(netns.End{Namespace: device, Name: name}, netns.End{Namespace: far, Name: "in0"})).To(Succeed())
		}
		Expect(netns.Veth(netns.End{Namespace: other, Name: "side"}, netns.End{Namespace: gateway, Name: "side"})).To(Succeed())
		for _, has := range []struct {
			namespace     *netns.Namespace
			link, address string
		}{
			{device, "d0", "192.168.50.10/24"}, {gateway, "in0", "192.168.50.1/24"},
			{device, "d1", "192.168.60.10/24"}, {other, "in0", "192.168.60.1/24"},
			{other, "side", "192.168.70.2/24"}, {gateway, "side", "192.168.70.1/24"},
		} {
			Expect(has.namespace.AddAddress(has.link, netip.MustParsePrefix(has.address))).To(Succeed())
		}
		everywhere := netip.MustParsePrefix("0.0.0.0/0")
		Expect(device.AddRoute(everywhere, netip.MustParseAddr(router))).To(Succeed())
		Expect(other.AddRoute(everywhere, netip.MustParseAddr("192.168.70.1"))).To(Succeed())
		Expect(other.Sysctl("net.ipv4.ip_forward", "1")).To(Succeed())
		for _, namespace := range []*netns.Namespace{device, gateway, other} {
			Expect(namespace.Sysctl("net.ipv4.conf.all.rp_filter", "0")).To(Succeed())
		}
		if trick != "" {
			Expect(device.Command(ctx, "sh", "-ec", trick).Run()).To(Succeed())
		}

		placed := &placement.Placed{Namespace: gateway, Inside: "in0", Device: netip.MustParseAddr("192.168.50.10")}
		Expect(placed.Marked(ctx)).To(Equal(mark))
		addresses, err := gateway.Command(ctx, "ip", "-o", "addr", "show", "dev", "lo").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(addresses)).NotTo(ContainSubstring("198.51.100.77"))
	},
		Entry("of a device whose router it is", placement.MarkCameBack, "192.168.50.1", "", SpecTimeout(30*time.Second)),
		Entry("and not of one that has another way out", placement.MarkNotBack, "192.168.60.1", "", SpecTimeout(30*time.Second)),
		Entry("and not of one that answers its own subnet alone", placement.MarkNotBack, "192.168.50.1",
			"iptables -A INPUT -p icmp ! -s 192.168.50.0/24 -j DROP", SpecTimeout(30*time.Second)),
	)

	It("is not sent, and not said to be lost, in tables that are the machine's own", func(ctx SpecContext) {
		placed := &placement.Placed{Namespace: netnstest.New(), Shared: true, Inside: "lo", Device: netip.MustParseAddr("127.0.0.1")}
		Expect(placed.Marked(ctx)).To(Equal(placement.MarkNotSent))
	}, SpecTimeout(30*time.Second))
})
