package policy_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

var _ = Describe("a policy with stand-ins", func() {
	proved := func() reports.Matrix {
		m := matrix(fan()...)
		m.Cuts[0].Replaceable = []harness.StandIn{harness.TimeServer}
		m.Outside = []reports.Outside{{
			Columns: []string{"app", "home"}, StandIns: []harness.StandIn{harness.TimeServer}, Trial: 12,
			Left: []harness.Destination{destination("tcp/443/api.fan.example"), destination("tcp/8883/mqtt.example.net")},
		}}
		return m
	}
	options := policy.Options{Kind: policy.BlockOptional, StandIns: true}

	It("blocks what the last trial blocked, and lets the stand-ins of that answer", func() {
		p, err := policy.New(proved(), options)
		Expect(err).NotTo(HaveOccurred())
		Expect(policy.IDs(p.Open)).To(ConsistOf(proved().Outside[0].Left))
		Expect(p.Blocked).To(HaveLen(len(fan()) - 2))
		Expect(p.StandIns).To(Equal(map[harness.Destination]harness.StandIn{
			destination("udp/123/192.0.2.33"): harness.TimeServer, destination("udp/123/time.fan.example"): harness.TimeServer, destination("udp/123/2001:db8::35"): harness.TimeServer,
		}))
		Expect(harness.CheckStandIns(p.StandIns, policy.IDs(p.Blocked))).To(Succeed())
		Expect(p.Proof).To(ContainElement("Trial 12 blocked all of this at once, with stand-ins that answered for 3 destinations, and all worked."))
	})

	It("is refused if no trial proved it, and for an allowlist", func() {
		_, err := policy.New(matrix(fan()...), options)
		Expect(err).To(MatchError(ContainSubstring("make the experiment with --stand-ins")))
		allow := options
		allow.Kind = policy.AllowRequired
		_, err = policy.New(proved(), allow)
		Expect(err).To(MatchError(ContainSubstring("block-optional")))
	})
})
