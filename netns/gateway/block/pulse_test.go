package block_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("the pulse", Label("root"), func() {
	var namespace *netns.Namespace
	var pulse *block.Pulse
	held := func() (entries int) {
		GinkgoHelper()
		for _, family := range chains.Families() {
			listing, err := namespace.Netlink().IpsetList(chains.PulseSet(family))
			Expect(err).NotTo(HaveOccurred())
			entries += len(listing.Entries)
		}
		return entries
	}

	BeforeEach(func() {
		var err error
		namespace = netnstest.New()
		pulse, err = block.StartPulse(namespace)
		Expect(err).NotTo(HaveOccurred())
	})

	It("is kept, beyond the time that the kernel gives it, and ends when it is stopped", Label("slow"), func(ctx SpecContext) {
		Consistently(held).WithContext(ctx).WithTimeout(block.PulseLasts + 2*time.Second).WithPolling(time.Second).Should(Equal(4))
		Expect(pulse.Missed(time.Time{})).To(BeEmpty())
		Expect(pulse.Stop()).To(Succeed())
		Expect(held()).To(BeZero())
	}, SpecTimeout(30*time.Second))

	It("that somebody stopped is noticed, from then on", func() {
		DeferCleanup(pulse.Stop)
		began := time.Now()
		Expect(pulse.Missed(began)).To(BeEmpty())
		Expect(namespace.Netlink().IpsetFlush(chains.PulseSet(chains.IPv4))).To(Succeed())
		Expect(pulse.Missed(began)).To(ContainSubstring("needwant-pulse-4 had 0 of its 2 entries"))
		Expect(pulse.Missed(time.Now())).NotTo(BeEmpty(), "it is not there now either")
	})

	It("leaves sets that are removed by their names, and nobody else's", func() {
		Expect(namespace.Netlink().IpsetCreate("f2b-sshd", "hash:ip,port", netlink.IpsetCreateOptions{})).To(Succeed())
		Expect(pulse.Stop()).To(Succeed())
		Expect(block.RemoveSets(namespace, true)).To(ConsistOf("needwant-pulse-4", "needwant-pulse-6"))
		Expect(block.RemoveSets(namespace, false)).To(HaveLen(2))
		Expect(block.RemoveSets(namespace, false)).To(BeEmpty())
		_, err := namespace.Netlink().IpsetList("f2b-sshd")
		Expect(err).NotTo(HaveOccurred())
	})
})
