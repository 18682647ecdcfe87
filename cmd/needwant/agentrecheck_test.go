package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("an agent that tests results again", Label("root"), func() {
	const (
		lampWorld = `apiVersion: needwant/v1
kind: World
name: lamp
device: {model: some.lamp.v1, firmware: "1.0", token: "00112233445566778899aabbccddeeff"}
tempo: {contact: 330ms, patience: 3, poll: 330ms}
destinations:
  a: {addresses: [203.0.113.10], protocol: udp, port: 8053}
`
		lampSpec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: lamp}
gateway: {placement: lab, world: lamp.world.yaml}
scenarios:
  app: {steps: [{ping: {host: 192.168.50.10}}]}
`
	)
	It("has a recheck of each run, in files that the hub has, too, and goes on with them after a kill", Label("whole"), func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec := filepath.Join(folder, "lamp.yaml")
		Expect(os.WriteFile(spec, []byte(lampSpec), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "lamp.world.yaml"), []byte(lampWorld), 0o600)).To(Succeed())
		added := needwant(ctx, "hub", "add", "garage", "--dir", filepath.Join(folder, "laboratory"), "--out", filepath.Join(folder, "garage.creds"))
		Expect(added.Code).To(Equal(0), added.Stderr)
		_, said := background(ctx, folder, "hub", "--dir", "laboratory", "--listen", "127.0.0.1:0")
		Eventually(said).WithContext(ctx).Should(gbytes.Say(`Ctrl-C stops the hub`))
		address, err := os.ReadFile(filepath.Join(folder, "laboratory", "address"))
		Expect(err).NotTo(HaveOccurred())
		arguments := []string{"agent", spec, "--hub", strings.TrimSpace(string(address)), "--creds", "garage.creds", "--recheck"}
		runs := func(ctx context.Context, name string) func() (harness.Run, error) {
			return func() (harness.Run, error) { return runfile.Load(ctx, filepath.Join(folder, name)) }
		}

		killed, progress := background(ctx, folder, append(arguments, "1s")...)
		Eventually(runs(ctx, "lamp-recheck.run")).WithContext(ctx).Should(HaveField("Status", harness.Complete), "%s", progress.Contents())
		Eventually(runs(ctx, "lamp-recheck-2.run")).WithContext(ctx).Should(HaveField("ID", Not(BeEmpty())))
		Expect(killed.Process.Kill()).To(Succeed())
		_ = killed.Wait()

		agent, progress := background(ctx, folder, append(arguments, "1000h")...)
		Eventually(progress).WithContext(ctx).Should(gbytes.Say("lamp: the result is tested again at "))
		Expect(filepath.Glob(filepath.Join(folder, "*.run"))).To(HaveLen(3), "none before it is time")
		Expect(agent.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(agent.Wait()).To(Succeed(), "%s", progress.Contents())

		for name, known := range map[string]string{"lamp-recheck.run": "lamp.run", "lamp-recheck-2.run": "lamp-recheck.run"} {
			run := loaded(ctx, filepath.Join(folder, name))
			Expect(run.Status).To(Equal(harness.Complete), name)
			Expect(run.Settings.Known.Source).To(HaveSuffix(known))
			Expect(needwant(ctx, "report", filepath.Join(folder, name)).Stdout).To(ContainSubstring("othing changed"), name)
		}
		for _, name := range []string{"lamp.run", "lamp-recheck.run", "lamp-recheck-2.run"} {
			path := filepath.Join(folder, name)
			copied := filepath.Join(folder, "laboratory", "runs", "garage.lamp."+loaded(ctx, path).ID+".run")
			Eventually(func() ([]runfile.Record, error) { return runfile.Records(ctx, copied, 0) }).WithContext(ctx).Should(Equal(records(ctx, path)))
		}
	}, SpecTimeout(8*time.Minute))

	It("tries a recheck again that cannot begin", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		spec := filepath.Join(folder, "lamp.yaml")
		Expect(os.WriteFile(spec, []byte(lampSpec), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(folder, "lamp.world.yaml"), []byte(lampWorld), 0o600)).To(Succeed())
		run := func(name string) func() (harness.Run, error) {
			return func() (harness.Run, error) { return runfile.Load(ctx, filepath.Join(folder, name)) }
		}
		_, progress := background(ctx, folder, "agent", spec, "--recheck", "1s")
		Eventually(run("lamp.run")).WithContext(ctx).Should(HaveField("ID", Not(BeEmpty())), "%s", progress.Contents())
		Expect(os.Rename(spec, spec+".aside")).To(Succeed())
		Eventually(progress).WithContext(ctx).Should(gbytes.Say("lamp.yaml: the spec cannot be read"))
		Eventually(progress).WithContext(ctx).Should(gbytes.Say("lamp: the recheck is tried again at"))
		Expect(os.Rename(spec+".aside", spec)).To(Succeed())
		Eventually(run("lamp-recheck.run")).WithContext(ctx).Should(HaveField("Settings.Known.Source", HaveSuffix("lamp.run")), "%s", progress.Contents())
	}, SpecTimeout(3*time.Minute))
})
