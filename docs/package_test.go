//go:build e2e

package docs_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The package is made and looked into; nothing is installed.
var _ = Describe("make deb", Ordered, Label("e2e"), func() {
	It("packs the program, its pages, completions, the unit and the licence, for root to own", func(ctx SpecContext) {
		said, err := exec.CommandContext(ctx, "make", "-C", root, "--no-print-directory", "deb").Output()
		Expect(err).NotTo(HaveOccurred())
		lines := strings.Fields(string(said))
		made := filepath.Join(root, lines[len(lines)-1])
		folder := GinkgoT().TempDir()
		Expect(exec.CommandContext(ctx, "dpkg-deb", "--extract", made, folder).Run()).To(Succeed())
		for _, file := range []string{
			"usr/lib/systemd/system/needwant@.service", "usr/share/doc/needwant/copyright",
			"usr/share/man/man1/needwant.1.gz", "usr/share/man/man1/needwant-bisect.1.gz",
			"usr/share/bash-completion/completions/needwant", "usr/share/doc/needwant/schema/scenario.v1.json",
		} {
			Expect(filepath.Join(folder, file)).To(BeAnExistingFile())
		}
		helped, err := exec.CommandContext(ctx, folder+"/usr/bin/needwant", "gateway", "--help").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(helped)).To(ContainSubstring("--policy RUN"), "as the unit calls it")

		contents, err := exec.CommandContext(ctx, "dpkg-deb", "--contents", made).Output()
		Expect(err).NotTo(HaveOccurred())
		for line := range strings.Lines(string(contents)) {
			Expect(line).To(ContainSubstring(" root/root "))
			Expect(line).NotTo(MatchRegexp(`^.{4,8}w.* \./`), "nobody else may write it")
		}
		about, err := exec.CommandContext(ctx, "dpkg-deb", "--field", made, "Package", "Depends", "Version").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(about)).To(MatchRegexp(`^Package: needwant\nDepends: iptables\nVersion: \d`))
	}, SpecTimeout(10*time.Minute))

	It("gives the same package for the same commit", func(ctx SpecContext) {
		var sums []string
		for range 2 {
			said, err := exec.CommandContext(ctx, root+"/scripts/deb").Output()
			Expect(err).NotTo(HaveOccurred())
			sum, err := exec.CommandContext(ctx, "sha256sum", filepath.Join(root, strings.TrimSpace(string(said)))).Output()
			Expect(err).NotTo(HaveOccurred())
			sums = append(sums, string(sum))
		}
		Expect(sums[0]).To(Equal(sums[1]))
	}, SpecTimeout(10*time.Minute))
})
