package main_test

import (
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("needwant version", func() {
	It("names the version, the commit, Go and iptables", func(ctx SpecContext) {
		run := needwant(ctx, "version")
		Expect(run.Code).To(Equal(0))
		Expect(run.Stdout).To(MatchRegexp(`^needwant \S+\ncommit   \S.*\nGo       \d+\.\d+\S*, linux/\w+\niptables \d\.\d\S* \((nf_tables|legacy)\)\n$`))
		Expect(run.Stdout).To(HavePrefix(needwant(ctx, "--version").Stdout))
	}, SpecTimeout(30*time.Second))

	It("says if there is no iptables", func(ctx SpecContext) {
		command := exec.CommandContext(ctx, program, "version")
		command.Env = []string{"PATH=/nowhere"}
		Expect(command.Output()).To(ContainSubstring("iptables not found\n"))
	}, SpecTimeout(30*time.Second))
})
