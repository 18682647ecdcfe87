package chains_test

import (
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/netnstest"
)

// The legacy backend has no generation to ask for, so each check really looks.
// Not every system has its programs.
var _ = Describe("chains of the legacy backend", Label("root"), func() {
	legacy, err := exec.LookPath("xtables-legacy-multi")
	if err != nil {
		return
	}

	It("are written, and missed when they are tampered with", func() {
		programs := GinkgoT().TempDir()
		for _, name := range []string{"iptables", "ip6tables", "iptables-restore", "ip6tables-restore"} {
			Expect(os.Symlink(legacy, filepath.Join(programs, name))).To(Succeed())
		}
		GinkgoT().Setenv("PATH", programs)
		namespace := netnstest.New()
		tables, err := chains.Open(namespace)
		Expect(err).NotTo(HaveOccurred())

		chain := chains.Chain{
			Table: "filter", Name: "NEEDWANT",
			Hooks: []chains.Hook{chains.On("FORWARD")}, Rules: []chains.Rule{chains.Rulef("-p tcp -j DROP")},
		}
		Expect(tables.Install(chains.IPv4, []chains.Chain{chain})).To(Succeed())
		Expect(tables.Check()).To(BeEmpty())
		Expect(tables.Check()).To(BeEmpty())
		Expect(tables.Delete(chains.IPv4, "filter", "FORWARD", chains.Rulef("-j NEEDWANT"))).To(Succeed())
		Expect(tables.Check()).To(ContainSubstring("is gone"))
	})

	It("are written where nf_tables has no IPv4, although iptables-nft lists its chains", func() {
		programs := GinkgoT().TempDir()
		for _, name := range []string{"iptables", "ip6tables"} {
			listing := "#!/bin/sh\ncase \"$*\" in *-N*) echo 'TABLE_ADD failed (Operation not supported): table filter' >&2; exit 4 ;; esac\nexec " + legacy + " " + name + " \"$@\"\n"
			Expect(os.WriteFile(filepath.Join(programs, name+"-nft"), []byte(listing), 0o700)).To(Succeed())
			for _, end := range []string{"-legacy", "-legacy-restore", "-nft-restore", "-nft-save"} {
				Expect(os.Symlink(legacy, filepath.Join(programs, name+end))).To(Succeed())
			}
		}
		GinkgoT().Setenv("PATH", programs)
		tables, err := chains.Open(netnstest.New())
		Expect(err).NotTo(HaveOccurred())
		Expect(tables.Install(chains.IPv4, []chains.Chain{{Table: "filter", Name: "NEEDWANT", Hooks: []chains.Hook{chains.On("FORWARD")}}})).To(Succeed())
	})

	It("are told from a missing iptables", func() {
		GinkgoT().Setenv("PATH", GinkgoT().TempDir())
		_, err := chains.Open(nil)
		Expect(err).To(MatchError(ContainSubstring("apt-get install iptables")))
	})
})
