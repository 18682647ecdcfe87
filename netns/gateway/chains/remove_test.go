package chains_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

var _ = Describe("chains among those of others", Label("root"), func() {
	const theirs = `
		iptables -N ufw-user-forward; iptables -A FORWARD -m comment --comment needwanted -j ufw-user-forward
		iptables -N NEEDWANTED; iptables -A NEEDWANTED -j RETURN; iptables -P FORWARD DROP
		iptables -t nat -A POSTROUTING -o eth9 -j MASQUERADE`
	saved := func(ctx context.Context, namespace *netns.Namespace) string {
		GinkgoHelper()
		return netnstest.Shell(ctx, namespace, "iptables-save | grep -v '^#' | sed 's/\\[.*\\]//'; ip6tables-save | grep -v '^#' | sed 's/\\[.*\\]//'")
	}
	ours := []chains.Chain{
		{Table: "filter", Name: "NEEDWANT", Hooks: []chains.Hook{chains.On("FORWARD")}, Rules: []chains.Rule{chains.Rulef("-j NEEDWANT-DROP")}},
		{Table: "filter", Name: "NEEDWANT-DROP", Rules: []chains.Rule{chains.Rulef("-p udp --dport 9 -j DROP")}},
		{Table: "mangle", Name: "NEEDWANT-WATCH", Hooks: []chains.Hook{chains.On("FORWARD"), chains.On("INPUT")}},
	}

	It("are removed, with the tables that they brought, and nothing else is", func(ctx SpecContext) {
		namespace := netnstest.New()
		netnstest.Shell(ctx, namespace, theirs)
		before := saved(ctx, namespace)
		present, err := chains.Present(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(present).To(ConsistOf("IPv4 filter", "IPv4 filter FORWARD", "IPv4 nat", "IPv4 nat POSTROUTING"))

		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		for _, family := range chains.Families() {
			Expect(tables.Install(family, ours)).To(Succeed())
		}
		written := saved(ctx, namespace)
		Expect(chains.RemoveAll(namespace, present, true)).To(ContainElement("remove the IPv4 chains NEEDWANT, NEEDWANT-DROP from filter"))
		Expect(saved(ctx, namespace)).To(Equal(written))

		Expect(chains.RemoveAll(namespace, present, false)).To(ContainElement("remove the empty table IPv6 mangle"))
		Expect(saved(ctx, namespace)).To(Equal(before))
		Expect(chains.RemoveAll(namespace, present, false)).To(BeEmpty())
		Expect(chains.Present(namespace)).To(Equal(present))
	}, SpecTimeout(30*time.Second))

	It("are removed with the kernel's chains that they brought into a table of others", func(ctx SpecContext) {
		namespace := netnstest.New()
		netnstest.Shell(ctx, namespace, "iptables -t mangle -A POSTROUTING -d 203.0.113.1; iptables -t mangle -P INPUT DROP")
		present, err := chains.Present(namespace)
		Expect(err).NotTo(HaveOccurred())
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, ours)).To(Succeed())
		Expect(chains.RemoveAll(namespace, present, false)).To(ContainElement("remove the empty chain IPv4 mangle FORWARD"))
		Expect(chains.Present(namespace)).To(Equal(present))
		Expect(saved(ctx, namespace)).To(And(ContainSubstring("203.0.113.1"), ContainSubstring(":INPUT DROP")))
	}, SpecTimeout(30*time.Second))

	It("leave the tables that they brought to others who use them by then", func(ctx SpecContext) {
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, ours)).To(Succeed())
		netnstest.Shell(ctx, namespace, "iptables -t mangle -P FORWARD DROP; iptables -N theirs")
		Expect(chains.RemoveAll(namespace, nil, false)).NotTo(ContainElement(HavePrefix("remove the empty table")))
		Expect(saved(ctx, namespace)).To(And(ContainSubstring(":FORWARD DROP"), ContainSubstring(":theirs -"), Not(ContainSubstring("NEEDWANT"))))
	}, SpecTimeout(30*time.Second))
})
