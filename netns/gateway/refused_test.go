package gateway_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
)

// The kernel may reject a change, for example because a set is full. The device
// then has an address that should be blocked and is not.
var _ = Describe("a change that the kernel rejects", Label("root"), func() {
	const name, small = "needwant-reject-4", "small"
	moving := destination("tcp/443/moving.example")
	known, next := families[0].first, families[0].second

	// swap puts a set that is full in the place of the block's, or back.
	swap := func(s *street) {
		GinkgoHelper()
		Expect(s.middle.Netlink().IpsetSwap(name, small)).To(Succeed())
	}

	var s *street
	BeforeEach(func(ctx SpecContext) {
		s = newStreet(ctx, driver("ipset"))
		s.offer(ctx, next, 443)
		s.zone.set("moving.example", at(known))
		s.lookUp(ctx, "moving.example")
		Expect(s.gateway.Block(ctx, []harness.Destination{moving}, harness.Reject)).To(Succeed())

		handle := s.middle.Netlink()
		Expect(handle.IpsetCreate(small, "hash:ip,port", netlink.IpsetCreateOptions{Family: unix.AF_INET, MaxElements: 1})).To(Succeed())
		protocol, port := uint8(unix.IPPROTO_TCP), uint16(443)
		Expect(handle.IpsetAdd(small, &netlink.IPSetEntry{IP: known.AsSlice(), Protocol: &protocol, Port: &port})).To(Succeed())
		swap(s)
		s.zone.set("moving.example", at(next))
		_, err := s.resolve(ctx, "udp", "192.168.50.1", "moving.example", 1)
		Expect(err).To(MatchError(ContainSubstring("SERVFAIL")), "the device does not get the address")
		swap(s)
	}, NodeTimeout(20*time.Second))

	It("makes the window unusable, until the block is replaced", func(ctx SpecContext) {
		Expect(s.observe(ctx).Broken).To(ContainSubstring("the kernel rejected a change"))
		Expect(s.observe(ctx).Broken).NotTo(BeEmpty(), "that does not end by itself")
		Expect(s.gateway.Block(ctx, []harness.Destination{moving}, harness.Reject)).To(Succeed())
		Expect(s.observe(ctx).Broken).To(BeEmpty())
		Expect(try(ctx, s.device, "tcp", next, 443)).To(MatchError(unix.ECONNREFUSED))
	}, SpecTimeout(20*time.Second))

	It("is tried again at the next answer", func(ctx SpecContext) {
		uplink := s.tapOutside(ctx)
		Expect(s.resolve(ctx, "udp", "192.168.50.1", "moving.example", 1)).To(HaveExactElements(next.String()))
		Expect(try(ctx, s.device, "tcp", next, 443)).To(MatchError(unix.ECONNREFUSED))
		Expect(uplink.to(next)).To(BeZero())
		Expect(s.observe(ctx).Broken).NotTo(BeEmpty(), "the window is not used all the same")
	}, SpecTimeout(20*time.Second))

	It("makes the window unusable if what should be open could not be opened", func(ctx SpecContext) {
		Expect(s.gateway.Confine(ctx, []harness.Destination{moving}, harness.Reject)).To(Succeed())
		s.remove(ctx, "NEEDWANT-ONLY")
		s.zone.set("moving.example", at(families[0].unassigned))
		_, err := s.resolve(ctx, "udp", "192.168.50.1", "moving.example", 1)
		Expect(err).To(MatchError(ContainSubstring("SERVFAIL")))
		Expect(s.observe(ctx).Broken).To(ContainSubstring("the kernel rejected a change: opening a new address"))
	}, SpecTimeout(20*time.Second))
})

// remove removes a chain of the gateway's, and the jumps to it.
func (s *street) remove(ctx context.Context, chain string) {
	GinkgoHelper()
	jump := `iptables-nft -S | grep -m1 -- "-j ` + chain + `$"`
	script := `while rule=$(` + jump + `); do iptables-nft -D ${rule#-A }; done
		iptables-nft -F ` + chain + ` && iptables-nft -X ` + chain
	output, err := s.middle.Command(ctx, "sh", "-c", script).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
}
