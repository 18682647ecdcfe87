package gateway_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

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

	DescribeTable("is noticed when the log's own rules are gone:", func(ctx SpecContext, complaint string, flushed ...string) {
		s := newStreet(ctx)
		Expect(s.middle.Command(ctx, "iptables-nft", append([]string{"-t", "mangle", "-F"}, flushed...)...).Run()).To(Succeed())
		Expect(s.observe(ctx).Broken).To(ContainSubstring(complaint))
	},
		Entry("those alone", "NEEDWANT-WATCH", "NEEDWANT-WATCH", SpecTimeout(20*time.Second)),
		Entry("the whole table", "in mangle was changed from outside", SpecTimeout(20*time.Second)),
	)
})
