package chains_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

// instead puts shell scripts in the place of the iptables programs. Each gets the
// path of the real one as $REAL.
func instead(script string) {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	for _, name := range []string{"iptables-nft", "ip6tables-nft", "iptables-nft-restore", "ip6tables-nft-restore", "iptables-nft-save", "ip6tables-nft-save"} {
		genuine, err := exec.LookPath(name)
		Expect(err).NotTo(HaveOccurred())
		text := fmt.Sprintf("#!/bin/sh\nREAL=%s\nBROKEN=%s/broken\n%s\n", genuine, folder, script)
		Expect(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)).To(Succeed())
		Expect(os.Chmod(filepath.Join(folder, name), 0o700)).To(Succeed())
	}
	GinkgoT().Setenv("PATH", folder+":"+os.Getenv("PATH"))
	GinkgoT().Setenv("BROKEN", filepath.Join(folder, "broken"))
}

var _ = Describe("chains in all tables of a family", Label("root"), func() {
	It("are checked by one program, and removed by one", func() {
		instead(`echo "${REAL##*/}" >>$BROKEN; exec $REAL "$@"`)
		tables, err := chains.Open(netnstest.New())
		Expect(err).NotTo(HaveOccurred())
		hooks := []chains.Hook{chains.On("FORWARD"), {From: "FORWARD", Match: chains.Rulef("-p udp")}}
		plan := []chains.Chain{
			{Table: "filter", Name: "NEEDWANT", Hooks: hooks, Rules: []chains.Rule{chains.Rulef("-j NEEDWANT-END")}},
			{Table: "filter", Name: "NEEDWANT-END", Rules: []chains.Rule{chains.Rulef("-j DROP")}},
			{Table: "mangle", Name: "NEEDWANT", Hooks: hooks},
			{Table: "nat", Name: "NEEDWANT", Hooks: []chains.Hook{chains.On("PREROUTING")}},
		}
		Expect(tables.Install(chains.IPv4, plan)).To(Succeed())
		ran := func() []string {
			text, err := os.ReadFile(os.Getenv("BROKEN"))
			Expect(err).NotTo(HaveOccurred())
			Expect(os.Truncate(os.Getenv("BROKEN"), 0)).To(Succeed())
			return strings.Fields(string(text))
		}
		ran()
		Expect(tables.Check()).To(BeEmpty())
		Expect(ran()).To(HaveExactElements("iptables-nft-save"))
		Expect(tables.Remove(chains.IPv4, plan)).To(Succeed())
		Expect(ran()).To(HaveExactElements("iptables-nft-restore"))
		Expect(tables.List(chains.IPv4, "filter", "FORWARD")).To(BeEmpty())
		Expect(tables.Install(chains.IPv4, plan)).To(Succeed(), "all are gone")
		Expect(tables.Delete(chains.IPv4, "mangle", "FORWARD", chains.Rulef("-p udp -j NEEDWANT"))).To(Succeed())
		Expect(tables.Remove(chains.IPv4, plan)).To(Succeed(), "although a jump is gone")
		Expect(tables.Install(chains.IPv4, plan)).To(Succeed())
	})
})

var _ = Describe("chains that cannot be listed", Label("root"), func() {
	chain := chains.Chain{Table: "filter", Name: "NEEDWANT", Hooks: []chains.Hook{chains.On("FORWARD")}, Rules: []chains.Rule{chains.Rulef("-j DROP")}}

	It("are not taken for absent when iptables fails for another reason", func(ctx SpecContext) {
		instead(`if [ -e $BROKEN ]; then echo 'iptables: Memory allocation problem.' >&2; exit 1; fi; exec $REAL "$@"`)
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(Succeed())
		Expect(tables.List(chains.IPv4, "filter", "NO-SUCH")).To(BeEmpty())
		Expect(os.WriteFile(os.Getenv("BROKEN"), nil, 0o600)).To(Succeed())

		_, err = tables.List(chains.IPv4, "filter", "NEEDWANT")
		Expect(err).To(MatchError(ContainSubstring("Memory allocation problem")))
		Expect(tables.Append(chains.IPv6, "filter", "FORWARD", chains.Rulef("-j ACCEPT"))).NotTo(Succeed())
		netnstest.Shell(ctx, namespace, "rm $BROKEN; iptables-nft -A OUTPUT -j ACCEPT; touch $BROKEN") // or the last check would still hold
		_, err = tables.Check()
		Expect(err).To(MatchError(ContainSubstring("Memory allocation problem")))
		_, err = chains.RemoveAll(namespace, nil, false)
		Expect(err).To(HaveOccurred())
	}, SpecTimeout(30*time.Second))

	It("are a reason to stop when another program flushes the kernel's own chain meanwhile", func(ctx SpecContext) {
		instead(`"$REAL" "$@"; status=$?; case "$REAL" in *-restore) ${REAL%-restore} -F FORWARD;; esac; exit $status`)
		tables, err := chains.Open(netnstest.New())
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(MatchError(ContainSubstring("another program removed rules while ours were written")))
	}, SpecTimeout(30*time.Second))

	It("are a reason to stop when they have rules that iptables cannot show", func(ctx SpecContext) {
		if _, err := exec.LookPath("nft"); err != nil {
			Skip("there is no nft here")
		}
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(Succeed())
		netnstest.Shell(ctx, namespace, "nft insert rule ip filter FORWARD numgen random mod 2 0 accept")
		_, err = tables.List(chains.IPv4, "filter", "FORWARD")
		Expect(err).To(MatchError(ContainSubstring("IPv4 filter FORWARD has rules that iptables cannot show")))
		_, err = tables.Check()
		Expect(err).To(HaveOccurred())
		second := chains.Chain{Table: "filter", Name: "NEEDWANT-2", Hooks: []chains.Hook{chains.On("FORWARD")}}
		Expect(tables.Install(chains.IPv4, []chains.Chain{second})).NotTo(Succeed())
	}, SpecTimeout(30*time.Second))

	It("are checked beside a chain of another program that iptables cannot show", func(ctx SpecContext) {
		if _, err := exec.LookPath("nft"); err != nil {
			Skip("there is no nft here")
		}
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())
		netnstest.Shell(ctx, namespace, "iptables-nft -N theirs; nft insert rule ip filter theirs numgen random mod 2 0 accept")
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(Succeed())
		Expect(tables.Check()).To(BeEmpty())
		Expect(tables.Delete(chains.IPv4, "filter", "NEEDWANT", chain.Rules[0])).To(Succeed())
		Expect(tables.Check()).To(ContainSubstring("is gone"))
	}, SpecTimeout(30*time.Second))
})
