package gateway_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"

	"github.com/needwant/needwant/harness"
)

// A gateway that does not notice its own block failing would report that a
// device needs nothing. These are the negative controls of the blocking specs:
// each lets packets through, and is noticed.
var _ = Describe("a block that was tampered with", Label("root"), func() {
	for _, family := range families {
		iptables := map[string]string{"IPv4": "iptables-nft", "IPv6": "ip6tables-nft"}[family.name]
		set := map[string]string{"IPv4": "needwant-reject-4", "IPv6": "needwant-reject-6"}[family.name]
		run := func(arguments ...string) func(context.Context, *street) error {
			return func(ctx context.Context, s *street) error { return s.middle.Command(ctx, iptables, arguments...).Run() }
		}

		DescribeTable("over "+family.name, func(ctx SpecContext, kind string, tamper func(context.Context, *street) error, complaint string) {
			s := newStreet(ctx, driver(kind))
			destination := harness.Destination{Protocol: "tcp", Port: 8883, Name: family.first.String()}
			s.offer(ctx, family.first, 8883)
			Expect(s.gateway.Block(ctx, []harness.Destination{destination}, harness.Reject)).To(Succeed())
			Expect(s.observe(ctx).Broken).To(BeEmpty())
			uplink := s.tapOutside(ctx)

			Expect(tamper(ctx, s)).To(Succeed())
			_ = try(ctx, s.device, "tcp", family.first, 8883) // answers may still be stopped
			Eventually(func() int { return uplink.to(family.first) }).WithContext(ctx).ShouldNot(BeZero(), "the sabotage lets it through")

			Expect(s.observe(ctx).Broken).To(ContainSubstring(complaint))
		},
			Entry("its rules removed, with ipset", "ipset",
				run("-F", "NEEDWANT-RULES"), "is gone", SpecTimeout(20*time.Second)),
			Entry("its rules removed, with iptables", "iptables",
				run("-F", "NEEDWANT-RULES"), "lacks a rule", SpecTimeout(20*time.Second)),
			Entry("its set emptied", "ipset",
				func(_ context.Context, s *street) error { return s.middle.Netlink().IpsetFlush(set) },
				"lacks 1 of its 1 entries", SpecTimeout(20*time.Second)),
			Entry("its jump removed", "ipset",
				run("-D", "FORWARD", "1"), "-j NEEDWANT\" is gone", SpecTimeout(20*time.Second)),
			Entry("another rule put before its jump", "iptables",
				run("-I", "FORWARD", "1", "-m", "conntrack", "--ctstate", "NEW,ESTABLISHED", "-j", "ACCEPT"),
				"stands before the jump", SpecTimeout(20*time.Second)),
			Entry("its end made to accept", "ipset",
				run("-I", "NEEDWANT-REJECT", "1", "-j", "ACCEPT"), "is not ours", SpecTimeout(20*time.Second)),
		)
	}

	// No look at the rules shows these, because everything is as it was again.
	DescribeTable("for a moment", func(ctx SpecContext, kind string, away, back func(context.Context, *street) error, says string) {
		s := newStreet(ctx, driver(kind))
		address := families[0].first
		destination := harness.Destination{Protocol: "tcp", Port: 8883, Name: address.String()}
		s.offer(ctx, address, 8883)
		Expect(s.gateway.Block(ctx, []harness.Destination{destination}, harness.Reject)).To(Succeed())
		uplink := s.tapOutside(ctx)
		Expect(away(ctx, s)).To(Succeed())
		_ = try(ctx, s.device, "tcp", address, 8883) // answers may still be stopped
		Eventually(func() int { return uplink.to(address) }).WithContext(ctx).ShouldNot(BeZero())
		Expect(back(ctx, s)).To(Succeed())
		seen := s.observe(ctx)
		Expect(seen.Broken).To(BeEmpty())
		Expect(seen.Disturbed).To(ContainSubstring(says))
		Expect(s.gateway.Block(ctx, []harness.Destination{destination}, harness.Reject)).To(Succeed())
		Expect(s.observe(ctx).Disturbed).To(BeEmpty(), "the next window is well")
	},
		Entry("its jump was gone", "iptables",
			func(ctx context.Context, s *street) error {
				return s.middle.Command(ctx, "iptables-nft", "-D", "FORWARD", "1").Run()
			},
			func(ctx context.Context, s *street) error {
				return s.middle.Command(ctx, "iptables-nft", "-I", "FORWARD", "-m", "comment", "--comment", "needwant", "-j", "NEEDWANT").Run()
			}, "another program changed its firewall rules", SpecTimeout(20*time.Second)),
		Entry("its set was empty", "ipset",
			func(_ context.Context, s *street) error {
				return s.middle.Netlink().IpsetFlush("needwant-reject-4")
			},
			func(_ context.Context, s *street) error {
				protocol, port := uint8(6), uint16(8883)
				return s.middle.Netlink().IpsetAdd("needwant-reject-4", &netlink.IPSetEntry{IP: families[0].first.AsSlice(), Protocol: &protocol, Port: &port})
			}, "the block stopped 0", SpecTimeout(20*time.Second)),
	)

	DescribeTable("is noticed when the log's own rules are gone:", func(ctx SpecContext, complaint string, flushed ...string) {
		s := newStreet(ctx)
		Expect(s.middle.Command(ctx, "iptables-nft", append([]string{"-t", "mangle", "-F"}, flushed...)...).Run()).To(Succeed())
		Expect(s.observe(ctx).Broken).To(ContainSubstring(complaint))
	},
		Entry("those alone", "NEEDWANT-WATCH", "NEEDWANT-WATCH", SpecTimeout(20*time.Second)),
		Entry("the whole table", "in mangle was changed from outside", SpecTimeout(20*time.Second)),
	)
})
