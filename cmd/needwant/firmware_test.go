package main_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("a new firmware", Label("root", "whole"), func() {
	It("has an agent test the result again before it is time", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		write := func(name, text string) {
			GinkgoHelper()
			Expect(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)).To(Succeed())
		}
		write("lamp.world.yaml", `apiVersion: needwant/v1
kind: World
name: lamp
device: {model: some.lamp.v1, token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 1s, patience: 3, poll: 1s}
destinations:
  a: {addresses: [203.0.113.10], protocol: udp, port: 8053}
`)
		write("lamp.yaml", `apiVersion: needwant/v1
kind: Scenarios
device: {name: lamp}
firmware: {exec: {command: [cat, firmware.txt]}, save: {firmware: stdout}}
gateway: {placement: lab, world: lamp.world.yaml}
scenarios:
  app: {steps: [{ping: {host: 192.168.50.10}}]}
`)
		write("firmware.txt", "1.0\n")
		run := func(ctx context.Context, name string) func() (harness.Run, error) {
			return func() (harness.Run, error) { return runfile.Load(ctx, filepath.Join(folder, name)) }
		}
		agent, progress := background(ctx, folder, "agent", "lamp.yaml", "--recheck", "4m")
		Eventually(run(ctx, "lamp.run")).WithContext(ctx).Should(HaveField("Status", harness.Complete), "%s", progress.Contents())
		Expect(loaded(ctx, filepath.Join(folder, "lamp.run")).Device.Firmware).To(Equal("1.0"))
		write("firmware.txt", "2.0\n")
		Eventually(progress).WithContext(ctx).Should(gbytes.Say("lamp: the firmware is 2.0 now, and was 1.0: the result is tested again"))
		Eventually(run(ctx, "lamp-recheck.run")).WithContext(ctx).Should(HaveField("Status", harness.Complete), "%s", progress.Contents())
		again := loaded(ctx, filepath.Join(folder, "lamp-recheck.run"))
		Expect(again.Device.Firmware).To(Equal("2.0"))
		Expect(again.Settings.Known.Firmware).To(Equal("1.0"))
		Expect(needwant(ctx, "report", filepath.Join(folder, "lamp-recheck.run")).Stdout).To(ContainSubstring("Nothing changed since lamp.run of "))
		Expect(agent.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(agent.Wait()).To(Succeed(), "%s", progress.Contents())
	}, SpecTimeout(8*time.Minute))
})
