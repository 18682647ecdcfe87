package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
)

const asInside = "NEEDWANT_TEST_INSIDE"

func TestMain(m *testing.M) {
	if os.Getenv(asInside) != "" {
		os.Exit(netns.Main(become))
	}
	os.Exit(m.Run())
}

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "inside")
}

var _ = Describe("a program that runs inside", Label("root"), func() {
	It("leaves nothing mounted, even if it is killed", func(ctx SpecContext) {
		disk := GinkgoT().TempDir()
		command := exec.CommandContext(ctx, "/proc/self/exe", "sh", "-c", `mount -t tmpfs tmpfs "$0" && touch "$0/mounted" && ls "$0" && kill -KILL $$`, disk)
		command.Env = append(os.Environ(), asInside+"=1")
		output, err := command.Output()
		Expect(err).To(HaveOccurred())
		Expect(string(output)).To(Equal("mounted\n"))
		Expect(os.ReadDir(disk)).To(BeEmpty())
	}, SpecTimeout(time.Minute))
})
