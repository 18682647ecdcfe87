package main_test

import (
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("what a run proved with stand-ins", Label("root", "slow"), func() {
	It("is reported, and held by verify and gateway, which answer by themselves", func(ctx SpecContext) {
		run := filepath.Join(GinkgoT().TempDir(), "own.run")
		lab := needwant(ctx, "lab", "own-time", "--out", run, "--quiet")
		Expect(lab.Code).To(BeZero(), lab.Stderr)
		Expect(strings.Join(strings.Fields(lab.Stdout), " ")).To(ContainSubstring("With your own answer to pings and your own time server, the device needs nothing from outside"))

		Expect(needwant(ctx, "verify", run, "--for", "3s", "--with-stand-ins").Code).To(BeZero())

		spec := file("spec.yaml", strings.Replace(labSpec, "s50-thread", "own-time", 1)+"  app: {steps: [{miio: get_status}]}\n")
		Expect(gatewayBlocks(ctx, spec, run, "--with-stand-ins")).To(ConsistOf(
			"tcp/443/log.camera.example", "icmp/echo/203.0.113.162 (icmp is answered here)",
			"udp/123/ntp1.camera.example (ntp is answered here)", "udp/123/ntp2.camera.example (ntp is answered here)"))
	}, SpecTimeout(3*time.Minute))
})
