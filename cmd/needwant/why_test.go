package main_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("needwant why", func() {
	const list = "../../netns/lab/worlds/tv-list.txt"
	const twoScenarios = `apiVersion: needwant/v1
kind: Scenarios
gateway: {placement: lab, world: tv-list}
scenarios:
  plays: {steps: [{miio: {method: find_me, params: [""]}, actuates: true, timeout: 1s}]}
  reads: {steps: [{miio: get_status, timeout: 1s}]}
`

	DescribeTable("explains what is missing", func(ctx SpecContext, why string, args ...string) {
		run := needwant(ctx, append([]string{"why"}, args...)...)
		Expect(run.Code).To(Equal(2), run.Stderr)
		Expect(run.Stderr).To(ContainSubstring(why))
		Expect(run.Stdout).To(BeEmpty())
	},
		Entry("a spec or a device", "name a spec, or give --device ADDRESS and --placement", "--only", list, SpecTimeout(time.Minute)),
		Entry("a list", "there is no blocklist: add --only LIST", "lab-s50", SpecTimeout(time.Minute)),
		Entry("one of the two", "the spec has them", "lab-s50", "--device", "192.168.1.50", "--only", list, SpecTimeout(time.Minute)),
		Entry("a MAC address", "192.168.1.50: switch the device on, or add --mac ADDRESS", "--device", "192.168.1.50", "--placement", "host", "--inside", "br-lan", "--uplink", "wan", "--only", list, SpecTimeout(time.Minute)),
		Entry("a link", "inside", "--device", "192.168.1.50", "--placement", "nic", "--only", list, SpecTimeout(time.Minute)),
	)

	It("names what to allow in one sentence", Label("root", "slow"), func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec, kept := filepath.Join(folder, "tv.yaml"), filepath.Join(folder, "tv.run")
		Expect(os.WriteFile(spec, []byte(twoScenarios), 0o600)).To(Succeed())
		run := needwant(ctx, "why", spec, "--only", list, "--out", kept)
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(MatchRegexp(`^Allow drm-[abc]\.license\.example and everything works\.\n$`))
		_, next, _ := strings.Cut(run.Stderr, "\nNext: needwant ")
		next, _, _ = strings.Cut(next, " writes the exceptions")
		Expect(next).To(Equal("export " + kept + " --policy exceptions --format adguard --spec " + spec + " --simulated"))
		run = needwant(ctx, strings.Fields(next)...)
		Expect(run.Stdout).To(MatchRegexp(`(?m)^@@\|\|drm-[abc]\.license\.example\^$`), run.Stderr)
		run = needwant(ctx, "resume", kept)
		Expect(run.Stderr).To(ContainSubstring("the run is complete"))
	}, SpecTimeout(5*time.Minute))

	It("goes on after an interruption, and comes to its sentence", Label("root", "slow"), func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec, kept := filepath.Join(folder, "tv.yaml"), filepath.Join(folder, "tv-why.run")
		Expect(os.WriteFile(spec, []byte(twoScenarios), 0o600)).To(Succeed())
		absolute, err := filepath.Abs(list)
		Expect(err).NotTo(HaveOccurred())
		var said bytes.Buffer
		command := exec.CommandContext(ctx, program, "why", "tv.yaml", "--only", absolute)
		command.Dir, command.Stdout, command.Stderr = folder, GinkgoWriter, &said
		Expect(command.Start()).To(Succeed())
		Eventually(func() int {
			partial, _ := runfile.Load(context.Background(), kept)
			return len(partial.Results)
		}).WithContext(ctx).WithTimeout(time.Minute).Should(BeNumerically(">", 2))
		Expect(command.Process.Signal(os.Interrupt)).To(Succeed())
		_ = command.Wait()
		Expect(command.ProcessState.ExitCode()).To(Equal(130), said.String())
		Expect(said.String()).To(ContainSubstring("continue with: needwant resume tv-why.run"))

		before, err := runfile.Load(context.Background(), kept)
		Expect(err).NotTo(HaveOccurred())
		run := needwant(ctx, "resume", kept)
		Expect(run.Code).To(Equal(0), run.Stderr)
		Expect(run.Stdout).To(MatchRegexp(`^Allow drm-[abc]\.license\.example and everything works\.\n$`))
		after, err := runfile.Load(context.Background(), kept)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Results[:len(before.Results)]).To(Equal(before.Results))
	}, SpecTimeout(5*time.Minute))
})
