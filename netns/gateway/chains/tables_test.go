package chains_test

import (
	"fmt"
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("a rule", func() {
	It("is written as on the command line", func() {
		Expect(chains.Rulef("-i %s -p tcp --dport %d", "eth0", 80)).
			To(Equal(chains.Rule{"-i", "eth0", "-p", "tcp", "--dport", "80"}))
	})

	It("lists the prefixes of its own family", func() {
		prefixes := []netip.Prefix{
			netip.MustParsePrefix("192.168.1.7/24"), netip.MustParsePrefix("fd00::1/64"), netip.MustParsePrefix("10.0.0.0/8"),
		}
		Expect(chains.Prefixes(chains.IPv4, prefixes)).To(Equal("192.168.1.0/24,10.0.0.0/8"))
		Expect(chains.Prefixes(chains.IPv6, prefixes)).To(Equal("fd00::/64"))
		Expect(chains.Prefixes(chains.IPv6, prefixes[:1])).To(BeEmpty())
	})

	DescribeTable("belongs to the family of its address", func(address string, family chains.Family) {
		Expect(chains.FamilyOf(netip.MustParseAddr(address))).To(Equal(family))
	},
		Entry(nil, "192.0.2.1", chains.IPv4),
		Entry(nil, "::ffff:192.0.2.1", chains.IPv4),
		Entry(nil, "2001:db8::1", chains.IPv6),
	)
})

var _ = Describe("installed chains", Label("root"), func() {
	var tables *chains.Tables

	plan := []chains.Chain{
		{
			Table: "filter", Name: "NEEDWANT",
			Hooks: []chains.Hook{chains.On("FORWARD"), {From: "INPUT", Match: chains.Rulef("-i eth0")}, {From: "INPUT", Match: chains.Rulef("-i eth1")}},
			Rules: []chains.Rule{chains.Rulef("-p tcp -j NEEDWANT-END"), chains.Rulef("-p udp -j NEEDWANT-END")},
		},
		{Table: "filter", Name: "NEEDWANT-END", Rules: []chains.Rule{chains.Rulef("-j DROP")}},
	}

	BeforeEach(func() {
		var err error
		tables, err = chains.Open(netnstest.New())
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Append(chains.IPv4, "filter", "FORWARD", chains.Rulef("-j ACCEPT"))).To(Succeed())
		for _, family := range chains.Families() {
			Expect(tables.Install(family, plan)).To(Succeed())
		}
	})

	for _, family := range chains.Families() {
		Context("of "+family.String(), func() {
			It("stand as they were planned, and before what was there", func() {
				Expect(tables.List(family, "filter", "NEEDWANT")).To(HaveExactElements(
					HaveSuffix("-p tcp -j NEEDWANT-END"),
					HaveSuffix("-p udp -j NEEDWANT-END"),
				))
				forward, err := tables.List(family, "filter", "FORWARD")
				Expect(err).NotTo(HaveOccurred())
				Expect(forward[0]).To(HaveSuffix("-m comment --comment needwant -j NEEDWANT"))
				Expect(tables.List(family, "filter", "INPUT")).To(HaveExactElements(
					ContainSubstring("-i eth0"), ContainSubstring("-i eth1")))
				Expect(tables.Check()).To(BeEmpty())
			})

			DescribeTable("are missed", func(sabotage func() error, complaint string) {
				Expect(tables.Check()).To(BeEmpty())
				Expect(sabotage()).To(Succeed())
				Expect(tables.Check()).To(ContainSubstring(complaint))
			},
				Entry("when a rule is gone", func() error {
					return tables.Delete(family, "filter", "NEEDWANT", plan[0].Rules[1])
				}, "-p udp"),
				Entry("when a rule was slipped in", func() error {
					return tables.Append(family, "filter", "NEEDWANT-END", chains.Rulef("-j ACCEPT"))
				}, "is not ours"),
				Entry("when the jump is gone", func() error {
					return tables.Delete(family, "filter", "FORWARD", chains.Rulef("-j NEEDWANT"))
				}, "-j NEEDWANT\" is gone"),
			)

			It("are missed when another rule was put before the jump", func() {
				Expect(tables.Delete(family, "filter", "FORWARD", chains.Rulef("-j NEEDWANT"))).To(Succeed())
				Expect(tables.Append(family, "filter", "FORWARD", chains.Rulef("-m conntrack --ctstate ESTABLISHED -j ACCEPT"))).To(Succeed())
				Expect(tables.Append(family, "filter", "FORWARD", chains.Rulef("-j NEEDWANT"))).To(Succeed())
				Expect(tables.Check()).To(ContainSubstring("stands before the jump"))
			})
		})
	}

	It("may be changed by their owner where the check is told so", func() {
		Expect(tables.Append(chains.IPv4, "filter", "NEEDWANT-END", chains.Rulef("-j ACCEPT"))).To(Succeed())
		Expect(tables.CheckWith("NEEDWANT-END", func(chains.Family, []string) string { return "" })).To(BeEmpty())
		Expect(tables.Append(chains.IPv4, "filter", "NEEDWANT-END", chains.Rulef("-j DROP"))).To(Succeed())
		Expect(tables.CheckWith("NEEDWANT-END", func(family chains.Family, lines []string) string {
			return fmt.Sprintln(family, len(lines), lines[len(lines)-1])
		})).To(MatchRegexp(`IPv4 \d -A NEEDWANT-END -j DROP`))
	})

	It("may be asked to lose a rule that they do not have", func() {
		for _, family := range chains.Families() {
			Expect(tables.Delete(family, "filter", "NEEDWANT-END", chains.Rulef("-p tcp -j ACCEPT"))).To(Succeed())
			Expect(tables.Delete(family, "filter", "NO-SUCH", chains.Rulef("-j ACCEPT"))).To(Succeed())
		}
		Expect(tables.Check()).To(BeEmpty())
	})

	It("are not written twice", func() {
		Expect(tables.Install(chains.IPv4, plan)).To(MatchError(ContainSubstring("NEEDWANT")))
	})

	It("have each word of a rule as it was", func() {
		spoken := chains.Rule{"-m", "comment", "--comment", `a "b" c\d`, "-j", "DROP"}
		Expect(tables.Install(chains.IPv4, []chains.Chain{{Table: "filter", Name: "NEEDWANT-WORDS", Rules: []chains.Rule{spoken}}})).To(Succeed())
		Expect(tables.Delete(chains.IPv4, "filter", "NEEDWANT-WORDS", spoken)).To(Succeed())
		Expect(tables.List(chains.IPv4, "filter", "NEEDWANT-WORDS")).To(BeEmpty())
	})

	It("are written as a whole or not at all, and the error shows the rule", func() {
		wrong := chains.Chain{Table: "filter", Name: "NEEDWANT-WRONG", Hooks: []chains.Hook{chains.On("FORWARD")}, Rules: []chains.Rule{chains.Rulef("-p tcp -j DROP"), chains.Rulef("-p nonsense -j DROP")}}
		Expect(tables.Install(chains.IPv4, []chains.Chain{wrong})).To(MatchError(ContainSubstring("-A NEEDWANT-WRONG -p nonsense -j DROP")))
		wrong.Rules = wrong.Rules[:1]
		Expect(tables.Install(chains.IPv4, []chains.Chain{wrong})).To(Succeed(), "the chain was not there")
	})

	It("have no lines where the chain does not exist", func() {
		Expect(tables.List(chains.IPv4, "filter", "NO-SUCH")).To(BeEmpty())
	})
})
