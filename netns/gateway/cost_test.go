package gateway_test

import (
	"context"
	"net/netip"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

// costs is how often each cost is measured; the median counts.
const costs = 21

// The cost of forwarding and of switching a block is compared between two commits by
// scripts/compare, which compiles this file with both. The namespaces of a street are
// all in this process, so that its processor time contains what the kernel does for
// each packet. Other than elapsed time it hardly depends on what else the machine does.
var _ = Describe("the cost", Label("root", "bench", "slow"), Serial, func() {
	for _, each := range []struct {
		name   string
		driver string
		pay    func(ctx context.Context, s *street, to netip.AddrPort, turn int)
	}{
		{"forwarding a TCP connection with 32 MiB", "ipset", func(ctx context.Context, s *street, to netip.AddrPort, _ int) { streamed(ctx, s, to) }},
		{"forwarding 4,000 small UDP packets", "ipset", func(ctx context.Context, s *street, to netip.AddrPort, _ int) { showered(ctx, s, to) }},
		{"switching a block of 1,000 (ipset)", "ipset", func(ctx context.Context, s *street, _ netip.AddrPort, turn int) { switched(ctx, s, 1000, turn) }},
		{"switching a block of 10 (iptables)", "iptables", func(ctx context.Context, s *street, _ netip.AddrPort, turn int) { switched(ctx, s, 10, turn) }},
	} {
		It("is measured: "+each.name, func(ctx SpecContext) {
			s := newStreet(ctx, driver(each.driver), deviceAlone)
			to := netip.AddrPortFrom(families[0].first, 4000)
			sink(ctx, s.outside, to)
			Expect(s.gateway.Block(ctx, many(100), harness.Reject)).To(Succeed())
			each.pay(ctx, s, to, 0) // so that neighbours and caches are there
			var busy, elapsed []time.Duration
			for turn := range costs {
				began, used := time.Now(), spent()
				each.pay(ctx, s, to, turn+1)
				busy, elapsed = append(busy, spent()-used), append(elapsed, time.Since(began))
			}
			slices.Sort(busy)
			slices.Sort(elapsed)
			Expect(busy[costs/2]).To(BeNumerically(">", 0))
			GinkgoWriter.Printf("cost\t%s\t%d\t%d\n", each.name, busy[costs/2].Nanoseconds(), elapsed[costs/2].Nanoseconds())
		}, SpecTimeout(2*time.Minute))
	}
})

// switched blocks one set of destinations or another, by turns.
func switched(ctx context.Context, s *street, size, turn int) {
	GinkgoHelper()
	all := many(2 * size)
	begin := turn % 2 * size
	Expect(s.gateway.Block(ctx, all[begin:begin+size], harness.Reject)).To(Succeed())
}

// spent is the processor time of this process, and of the programs that it has run.
func spent() (sum time.Duration) {
	GinkgoHelper()
	for _, which := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var usage unix.Rusage
		Expect(unix.Getrusage(which, &usage)).To(Succeed())
		sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return sum
}
