package main_test

import (
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = DescribeTable("needwant --only explains what is wrong with a blocklist",
	func(ctx SpecContext, list string, why string, args ...string) {
		path := filepath.Join(GinkgoT().TempDir(), "list.txt")
		if list != "" {
			Expect(os.WriteFile(path, []byte(list), 0o600)).To(Succeed())
		}
		run := needwant(ctx, append(args, "--only", path)...)
		Expect(run.Code).To(Equal(2), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring(why))
		Expect(run.Stdout).To(BeEmpty())
	},
	Entry("there is none", "", "the blocklist cannot be read", "lab", "tv-list", SpecTimeout(time.Minute)),
	Entry("a line of it", "ads.example\n||b.example^$dnstype=A\n", "list.txt:2:14: the modifier $dnstype is not supported", "lab", "tv-list", SpecTimeout(time.Minute)),
	Entry("the fault", "ads.example\n", "--only blocks by name", "lab", "tv-list", "--fault", "reject", SpecTimeout(time.Minute)),
	Entry("with a spec", "b@d\n", `list.txt:1:1: "b@d" is not a host name`, "bisect", "lab-s50", "--dry-run", SpecTimeout(time.Minute)),
)
