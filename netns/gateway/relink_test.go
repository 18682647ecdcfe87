package gateway_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a link that is taken down and up", Label("root"), func() {
	carrier := func(s *street) func() bool {
		return func() bool {
			link, err := s.device.Netlink().LinkByName("d0")
			return err == nil && link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
		}
	}

	It("is noticed by the device, and the block and all else is as before", func(ctx SpecContext) {
		s := newStreet(ctx)
		for _, family := range families {
			s.offer(ctx, family.first, 8883)
			s.offer(ctx, family.second, 8883)
		}
		blocked := []harness.Destination{
			{Protocol: "tcp", Port: 8883, Name: families[0].first.String()}, {Protocol: "tcp", Port: 8883, Name: families[1].first.String()},
		}
		Expect(s.gateway.Block(ctx, blocked, harness.Reject)).To(Succeed())
		done := make(chan error)
		go func() { done <- s.gateway.Relink(ctx, time.Second/2) }()
		Eventually(carrier(s)).WithContext(ctx).WithPolling(10 * time.Millisecond).Should(BeFalse())
		Expect(<-done).To(Succeed())
		Expect(carrier(s)()).To(BeTrue())
		for _, family := range families {
			Expect(try(ctx, s.device, "tcp", family.first, 8883)).NotTo(Succeed())
			Eventually(func() error { return try(ctx, s.device, "tcp", family.second, 8883) }).WithContext(ctx).Should(Succeed())
		}
		seen := s.observe(ctx)
		Expect(seen).To(And(HaveField("Broken", ""), HaveField("Disturbed", "")))
	}, SpecTimeout(20*time.Second))

	It("is up again if the wait was ended", func(ctx SpecContext) {
		s := newStreet(ctx)
		ending, end := context.WithCancel(ctx)
		end()
		Expect(s.gateway.Relink(ending, time.Hour)).To(MatchError(context.Canceled))
		Expect(carrier(s)()).To(BeTrue())
	}, SpecTimeout(20*time.Second))
})
