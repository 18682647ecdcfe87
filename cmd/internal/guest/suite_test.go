//go:build e2e

package guest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// umlWord is the first argument of this binary when it has to be the kernel.
const umlWord = "user-mode-linux"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == umlWord {
		fmt.Fprintln(os.Stderr, BecomeUML(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "guest")
}

// folder holds what the guests run, built once for all of them.
var folder string

var _ = SynchronizedBeforeSuite(func(ctx SpecContext) []byte {
	made, err := os.MkdirTemp("", "guest")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(os.RemoveAll, made)
	Expect(Build(ctx, made, "../../needwant", "../../needwant")).To(Succeed())
	return []byte(made)
}, func(made []byte) { folder = string(made) }, NodeTimeout(5*time.Minute))

// Each takes a processor to itself: make e2e runs them at the same time.
var _ = Describe("the specs that need another kernel", Label("e2e", "guest"), func() {
	It("pass on Debian's user-mode-linux, with a VLAN and legacy iptables", func(ctx SpecContext) {
		Expect(UML(umlWord).Run(ctx, folder, "vlan", GinkgoWriter)).To(Succeed())
	}, SpecTimeout(60*time.Minute))

	It("pass on Debian's user-mode-linux, with what the kernel logs of a namespace", func(ctx SpecContext) {
		Expect(UML(umlWord).Run(ctx, folder, "kernellog", GinkgoWriter)).To(Succeed())
	}, SpecTimeout(15*time.Minute))

	It("pass on Debian's own kernel in QEMU, with a Wi-Fi that it plays", func(ctx SpecContext) {
		kernel, err := filepath.Abs("../../../.cache/guest/linux")
		Expect(err).NotTo(HaveOccurred())
		text, err := exec.CommandContext(ctx, "../../../scripts/guest-kernel", kernel).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "%s", text)
		Expect(QEMU(kernel).Run(ctx, folder, "ap", GinkgoWriter)).To(Succeed())
	}, SpecTimeout(60*time.Minute))
})
