//go:build e2e

package docs_test

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// The package is made and looked into; nothing is installed.
var _ = Describe("make deb", Ordered, Label("e2e"), func() {
	var made []string // one package for each architecture

	It("makes a package for amd64, arm64 and armhf", func(ctx SpecContext) {
		said, err := exec.CommandContext(ctx, "make", "-C", root, "--no-print-directory", "deb").Output()
		Expect(err).NotTo(HaveOccurred())
		for _, architecture := range []string{"amd64", "arm64", "armhf"} {
			path := regexp.MustCompile(`(?m)^bin/needwant_\S+_` + architecture + `\.deb$`).FindString(string(said))
			Expect(path).NotTo(BeEmpty(), "%s", said)
			made = append(made, filepath.Join(root, path))
			about, err := exec.CommandContext(ctx, "dpkg-deb", "--field", made[len(made)-1], "Package", "Architecture", "Depends", "Version").Output()
			Expect(err).NotTo(HaveOccurred())
			Expect(string(about)).To(MatchRegexp(`^Package: needwant\nArchitecture: %s\nDepends: iptables\nVersion: \d`, architecture))
		}
	}, SpecTimeout(10*time.Minute))

	It("packs the program, its man pages, completions, the unit and the licence, owned by root", func(ctx SpecContext) {
		directory := GinkgoT().TempDir()
		Expect(exec.CommandContext(ctx, "dpkg-deb", "--extract", made[0], directory).Run()).To(Succeed())
		for _, file := range []string{
			"usr/lib/systemd/system/needwant@.service", "usr/lib/systemd/system/needwant-bisect@.service",
			"usr/lib/systemd/system/needwant-recheck@.service", "usr/lib/systemd/system/needwant-recheck@.timer",
			"usr/lib/systemd/system/needwant-agent.service", "usr/lib/systemd/system/needwant-hub.service", "usr/share/doc/needwant/copyright",
			"usr/share/man/man1/needwant.1.gz", "usr/share/man/man1/needwant-bisect.1.gz",
			"usr/share/bash-completion/completions/needwant", "usr/share/doc/needwant/schema/scenario.v1.json",
		} {
			Expect(filepath.Join(directory, file)).To(BeAnExistingFile())
		}
		helped, err := exec.CommandContext(ctx, directory+"/usr/bin/needwant", "gateway", "--help").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(helped)).To(ContainSubstring("--policy RUN"), "the unit uses it")
		number, err := exec.CommandContext(ctx, "dpkg-deb", "--field", made[0], "Version").Output()
		Expect(err).NotTo(HaveOccurred())
		said, err := exec.CommandContext(ctx, directory+"/usr/bin/needwant", "--version").Output()
		Expect(err).NotTo(HaveOccurred())
		Expect(string(said)).To(Equal("needwant " + string(number)))
		symbols, err := exec.CommandContext(ctx, "go", "tool", "nm", directory+"/usr/bin/needwant").CombinedOutput()
		Expect(err).To(HaveOccurred(), "the program is stripped")
		Expect(string(symbols)).To(ContainSubstring("no symbol"))

		contents, err := exec.CommandContext(ctx, "dpkg-deb", "--contents", made[0]).Output()
		Expect(err).NotTo(HaveOccurred())
		for line := range strings.Lines(string(contents)) {
			Expect(line).To(ContainSubstring(" root/root "))
			Expect(line).NotTo(MatchRegexp(`^.{4,8}w.* \./`), "only root may write it")
		}
	}, SpecTimeout(time.Minute))

	It("makes the same package again from the same commit", func(ctx SpecContext) {
		before, err := os.ReadFile(made[0])
		Expect(err).NotTo(HaveOccurred())
		Expect(exec.CommandContext(ctx, root+"/scripts/deb", "amd64").Run()).To(Succeed())
		after, err := os.ReadFile(made[0])
		Expect(err).NotTo(HaveOccurred())
		Expect(sha256.Sum256(after)).To(Equal(sha256.Sum256(before)))
	}, SpecTimeout(10*time.Minute))
})

var _ = Describe("make install", Label("e2e"), func() {
	It("installs the program, its man pages and completions below a prefix", func(ctx SpecContext) {
		prefix := GinkgoT().TempDir()
		Expect(exec.CommandContext(ctx, "make", "-C", root, "--no-print-directory", "install", "PREFIX="+prefix).Run()).To(Succeed())
		Expect(exec.CommandContext(ctx, prefix+"/bin/needwant", "--version").Run()).To(Succeed())
		Expect(prefix + "/share/man/man1/needwant-bisect.1.gz").To(BeAnExistingFile())
		Expect(prefix + "/share/bash-completion/completions/needwant").To(BeAnExistingFile())
	}, SpecTimeout(5*time.Minute))
})
