package gateway_test

import (
	"net/netip"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("a gateway that is closed", Label("root"), func() {
	It("leaves no descriptor behind", func(ctx SpecContext) {
		cycle := func() {
			GinkgoHelper()
			device, middle := unheld(), unheld()
			Expect(netns.Veth(netns.End{Namespace: device, Name: "d0"}, netns.End{Namespace: middle, Name: "in0"})).To(Succeed())
			Expect(netns.Veth(netns.End{Namespace: device, Name: "o0"}, netns.End{Namespace: middle, Name: "up0"})).To(Succeed())
			Expect(middle.AddAddress("in0", netip.MustParsePrefix("192.168.50.1/24"))).To(Succeed())
			built, err := gateway.New(ctx, gateway.Config{
				Namespace: middle, Inside: "in0", Uplink: "up0",
				Upstream: netip.MustParseAddrPort("192.168.1.1:53"), Driver: "ipset",
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(built.Close()).To(Succeed())
			Expect(middle.Close()).To(Succeed())
			Expect(device.Close()).To(Succeed())
		}
		cycle()
		before := descriptors()
		for range 3 {
			cycle()
		}
		Expect(descriptors()).To(BeNumerically("<=", before))
	}, SpecTimeout(60*time.Second))
})

var _ = Describe("a gateway that cannot be", func() {
	DescribeTable("says what is wrong", func(ctx SpecContext, config gateway.Config, complaint string) {
		_, err := gateway.New(ctx, config)
		Expect(err).To(MatchError(ContainSubstring(complaint)))
	},
		Entry("no namespace", gateway.Config{}, "needs a namespace", SpecTimeout(10*time.Second)),
		Entry("one link", gateway.Config{Inside: "eth0", Uplink: "eth0"}, "two links", SpecTimeout(10*time.Second)),
		Entry("no resolver", gateway.Config{}, "a resolver to ask", SpecTimeout(10*time.Second)),
		Entry("a strange word to keep", gateway.Config{Keep: []string{"ntp"}}, "dhcp or dns", SpecTimeout(10*time.Second)),
	)

	It("names the link that is missing, and the driver that does not exist", Label("root"), func(ctx SpecContext) {
		config := gateway.Config{
			Namespace: netnstest.New(), Inside: "in0", Uplink: "up0",
			Upstream: netip.MustParseAddrPort("192.168.1.1:53"), Driver: "pf",
		}
		_, err := gateway.New(ctx, config)
		Expect(err).To(MatchError(ContainSubstring("link in0")))

		config.Inside = "lo"
		config.Uplink = "up0"
		Expect(netns.Veth(netns.End{Namespace: config.Namespace, Name: "up0"}, netns.End{Namespace: netnstest.New(), Name: "o0"})).To(Succeed())
		_, err = gateway.New(ctx, config)
		Expect(err).To(MatchError(ContainSubstring("write ipset or iptables")))
	}, SpecTimeout(20*time.Second))
})

func unheld() *netns.Namespace {
	GinkgoHelper()
	namespace, err := netns.New()
	Expect(err).NotTo(HaveOccurred())
	return namespace
}

func descriptors() int {
	GinkgoHelper()
	list, err := os.ReadDir("/proc/self/fd")
	Expect(err).NotTo(HaveOccurred())
	return len(list)
}
