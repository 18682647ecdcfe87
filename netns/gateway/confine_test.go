package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("a confined device", Label("root"), func() {
	for _, family := range families {
		It("reaches what is open, and nothing that nobody has ever seen, over "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx)
			s.offer(ctx, family.first, 443)
			s.offer(ctx, family.first, 80)
			s.offer(ctx, family.second, 443)
			s.zone.set("open.example", at(family.first))
			s.lookUp(ctx, "open.example")
			_, before := s.connect(ctx, family.second, 8883)
			uplink := s.tapOutside(ctx)

			open := []harness.Destination{destination("tcp/443/open.example")}
			Expect(s.gateway.Confine(ctx, open, harness.Reject)).To(Succeed())
			Expect(reach(ctx, s.device, "tcp", family.first, 443)).To(Succeed())
			Expect(try(ctx, s.device, "tcp", family.first, 80)).NotTo(Succeed())
			Expect(try(ctx, s.device, "udp", family.first, 443)).NotTo(Succeed())
			Expect(try(ctx, s.device, "tcp", family.second, 443)).NotTo(Succeed())
			_, _ = before.Write([]byte("from before"))
			Eventually(func() int { return contact(s.observe(ctx), "tcp/8883/"+family.second.String()).Touched }).WithContext(ctx).ShouldNot(BeZero())
			Expect(uplink.to(family.second)).To(BeZero())

			seen := s.observe(ctx)
			Expect(seen.Broken).To(BeEmpty())
			Expect(contact(seen, "tcp/443/open.example")).To(And(HaveField("Answered", true), HaveField("Attempts", 0)))
			Expect(contact(seen, "tcp/443/"+family.second.String()).Attempts).To(BeNumerically(">", 0), "what is refused is seen")
		}, SpecTimeout(30*time.Second))

		It("reaches an open name at an address that is new, over "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx)
			s.offer(ctx, family.first, 443)
			s.offer(ctx, family.second, 443)
			s.zone.set("open.example", at(family.first))
			s.lookUp(ctx, "open.example")
			Expect(s.gateway.Confine(ctx, []harness.Destination{destination("tcp/443/open.example")}, harness.Drop)).To(Succeed())
			Expect(try(ctx, s.device, "tcp", family.second, 443)).NotTo(Succeed())
			s.zone.set("open.example", at(family.second))
			s.lookUp(ctx, "open.example")
			Expect(try(ctx, s.device, "tcp", family.second, 443)).To(Succeed(), "at its first packet")
			Expect(s.observe(ctx).Broken).To(BeEmpty())
		}, SpecTimeout(30*time.Second))

		It("still answers its controllers, and is set free by the next block, over "+family.name, func(ctx SpecContext) {
			s := newStreet(ctx)
			rules := s.rules(ctx)
			s.offer(ctx, family.second, 443)
			echo(ctx, s.device, net.JoinHostPort(family.device, "54321"))
			Expect(s.gateway.Confine(ctx, nil, harness.Reject)).To(Succeed())
			Expect(reach(ctx, s.outside, "udp", netip.MustParseAddr(family.device), 54321)).To(Succeed())
			Expect(try(ctx, s.device, "tcp", family.second, 443)).NotTo(Succeed())

			Expect(s.gateway.Block(ctx, nil, harness.Reject)).To(Succeed())
			Expect(reach(ctx, s.device, "tcp", family.second, 443)).To(Succeed())
			Expect(s.observe(ctx).Broken).To(BeEmpty())
			Expect(s.rules(ctx)).To(Equal(rules))
		}, SpecTimeout(30*time.Second))
	}

	It("has no resolver where that is neither open nor kept", func(ctx SpecContext) {
		s := newStreet(ctx, keepingNothing)
		s.zone.set("open.example", at(families[0].first))
		Expect(s.gateway.Confine(ctx, []harness.Destination{destination("tcp/443/open.example")}, harness.Reject)).To(Succeed())
		_, err := s.resolveBriefly(ctx, "udp", "192.168.50.1", "open.example", 1)
		Expect(err).To(HaveOccurred())
		Expect(contact(s.observe(ctx), "udp/53/resolver").Attempts).To(BeNumerically(">", 0))

		Expect(s.gateway.Confine(ctx, []harness.Destination{destination("udp/53/resolver")}, harness.Reject)).To(Succeed())
		_, err = s.resolve(ctx, "udp", "192.168.50.1", "open.example", 1)
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(30*time.Second))

	It("asks no resolver but one that is open", func(ctx SpecContext) {
		s := newStreet(ctx)
		s.zone.serve(ctx, s.outside, writtenIn)
		s.zone.set("open.example", at(families[0].first))
		Expect(s.gateway.Confine(ctx, nil, harness.Reject)).To(Succeed())
		_, err := s.resolveBriefly(ctx, "udp", writtenIn, "open.example", 1)
		Expect(err).To(HaveOccurred())
		Expect(contact(s.observe(ctx), "udp/53/"+writtenIn)).To(And(HaveField("Attempts", 1), HaveField("Answered", false)))

		Expect(s.gateway.Confine(ctx, []harness.Destination{destination("udp/53/" + writtenIn)}, harness.Reject)).To(Succeed())
		Expect(s.resolve(ctx, "udp", writtenIn, "open.example", 1)).To(HaveLen(1))
	}, SpecTimeout(30*time.Second))

	It("is noticed when it gets out", func(ctx SpecContext) {
		s := newStreet(ctx)
		Expect(s.gateway.Confine(ctx, nil, harness.Reject)).To(Succeed())
		Expect(s.observe(ctx).Broken).To(BeEmpty())
		Expect(s.middle.Command(ctx, "iptables-nft", "-F", "NEEDWANT-ONLY").Run()).To(Succeed())
		Expect(s.observe(ctx).Broken).To(ContainSubstring("NEEDWANT-ONLY"))
	}, SpecTimeout(30*time.Second))
})

// rules are all of the gateway's, without their counts.
func (s *street) rules(ctx context.Context) string {
	GinkgoHelper()
	text, err := s.middle.Command(ctx, "sh", "-c", "iptables-nft-save; ip6tables-nft-save").Output()
	Expect(err).NotTo(HaveOccurred())
	return regexp.MustCompile(`(?m)^#.*$|\[\d+:\d+\]`).ReplaceAllString(string(text), "")
}
