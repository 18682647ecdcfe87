package policy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/netnstest"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// The programs themselves read what is written for them.
var _ = Describe("the real program accepts", Label("peer", "root"), func() {
	const limit = time.Minute

	subjects := map[string]func() reports.Matrix{
		"a fan": func() reports.Matrix { return matrix(fan()...) },
		"a device with wide rows that are optional": func() reports.Matrix { return wide(optional) },
		"a device with wide rows that are required": func() reports.Matrix { return wide(required) },
	}
	for what, text := range attacks {
		subjects["a hostile fan, given "+what] = func() reports.Matrix { return spoken(text) }
	}
	each := func(check func(text func(format string) string)) {
		for what, subject := range subjects {
			for _, kind := range policy.Kinds() {
				By(what + " to " + string(kind))
				p := made(subject(), policy.Options{Kind: kind, Device: at()})
				check(func(format string) string { return export(format, p).Text })
			}
		}
	}

	It("nft", func(ctx SpecContext) {
		tool("nft")
		ns := namespace()
		each(func(text func(string) string) {
			run(ns.Command(ctx, "nft", "-c", "-f", "-"), text("nft"))
		})
	}, SpecTimeout(limit))

	It("nft, a second time, and leaves one table", func(ctx SpecContext) {
		tool("nft")
		ns := namespace()
		text := export("nft", made(matrix(fan()...), policy.Options{Kind: policy.BlockOptional})).Text
		run(ns.Command(ctx, "nft", "-f", "-"), text)
		once := run(ns.Command(ctx, "nft", "list", "ruleset"), "")
		run(ns.Command(ctx, "nft", "-f", "-"), text)
		Expect(run(ns.Command(ctx, "nft", "list", "ruleset"), "")).To(Equal(once))
	}, SpecTimeout(limit))

	It("iptables-restore, and ip6tables-restore the same file", func(ctx SpecContext) {
		tool("iptables-restore")
		ns := namespace()
		each(func(text func(string) string) {
			for _, restore := range []string{"iptables-restore", "ip6tables-restore"} {
				run(ns.Command(ctx, restore, "--test", "--noflush"), text("iptables"))
			}
		})
	}, SpecTimeout(limit))

	It("dnsmasq", func(ctx SpecContext) {
		tool("dnsmasq")
		ns := namespace()
		path := filepath.Join(GinkgoT().TempDir(), "dnsmasq.conf")
		each(func(text func(string) string) {
			for _, format := range []string{"dnsmasq", "dnsmasq-nftset"} {
				Expect(os.WriteFile(path, []byte(text(format)), 0o600)).To(Succeed())
				run(ns.Command(ctx, "dnsmasq", "--test", "-C", path), "")
			}
		})
	}, SpecTimeout(limit))
})

// tool wants a program. Where it is missing the spec is left out; in CI, where
// scripts/install has seen to it, that is a failure.
func tool(name string) {
	GinkgoHelper()
	if _, err := exec.LookPath(name); err != nil && os.Getenv("CI") == "" {
		Skip(name + " is not installed: make deps-test")
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
}

func namespace() *netns.Namespace {
	GinkgoHelper()
	ns := netnstest.New()
	return ns
}

// run expects a command to succeed on an input, and returns what it says.
func run(command *netns.Command, input string) string {
	GinkgoHelper()
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", output, input)
	return string(output)
}
