package lab_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

var _ = Describe("A device that has to join its network", Label("root"), func() {
	It("contacts nothing before it has joined, and joins at every start", func(ctx SpecContext) {
		let := make(chan struct{})
		var joined, left atomic.Int32
		l, err := lab.Start(ctx, library("all-optional"), lab.Options{Seed: 1, Join: func(ctx context.Context, device *netns.Namespace, link string) {
			select {
			case <-let:
			case <-ctx.Done():
				return
			}
			joined.Add(1)
			_ = device.AddAddress(link, netip.MustParsePrefix("192.168.50.10/24")) // at a second start it has it
			_ = device.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.168.50.1"))
			<-ctx.Done()
			left.Add(1)
		}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(l.Close)
		gateway, err := labtest.Open(l)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(gateway.Close)
		Expect(l.Attempts()).To(BeEmpty())

		close(let)
		Eventually(l.Attempts).WithContext(ctx).Should(HaveKey("udp/8053/ot.lamp.example"))
		Expect(l.Restart(ctx)).To(Succeed())
		Expect(left.Load()).To(Equal(int32(1)))
		Eventually(joined.Load).WithContext(ctx).Should(Equal(int32(2)))
	}, SpecTimeout(30*time.Second))
})
