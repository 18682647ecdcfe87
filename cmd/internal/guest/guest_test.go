//go:build e2e

package guest_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/cmd/internal/guest"
)

// umlWord is the first argument of this binary when it has to be the kernel.
const umlWord = "user-mode-linux"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == umlWord {
		fmt.Fprintln(os.Stderr, guest.BecomeUML(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestGuest(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "guest")
}

var _ = Describe("the specs that need another kernel", Label("e2e", "guest"), func() {
	It("pass on Debian's user-mode-linux, with a VLAN and legacy iptables", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		Expect(guest.Build(ctx, folder, "../../needwant", "../../needwant")).To(Succeed())
		Expect(guest.UML(umlWord).Run(ctx, folder, "vlan", GinkgoWriter)).To(Succeed())
	}, SpecTimeout(15*time.Minute))
})
