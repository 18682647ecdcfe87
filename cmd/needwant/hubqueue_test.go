package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

var _ = Describe("the queue of a hub with agents on other machines", Label("root", "slow"), func() {
	It("has each device tested once, whatever is killed, and ends what cannot be tested with a reason", func(ctx SpecContext) {
		before := host()
		l := newLaboratory(ctx)
		l.serve(ctx)
		directory := l.hub.arguments[2]
		garage := l.station(ctx)
		garage.bisects(2)
		spec := filepath.Join(garage.folder, "broken.yaml")
		Expect(os.WriteFile(spec, []byte(brokenSpec), 0o600)).To(Succeed())
		credentials := filepath.Join(garage.folder, "garage.creds")
		added := needwant(ctx, "hub", "add", "garage", "--dir", directory, "--out", credentials)
		Expect(added.Code).To(Equal(0), added.Stderr)
		garage.arguments = append(garage.arguments, spec, "--hub", l.url, "--creds", credentials, "--queue")
		hub := func(arguments ...string) func() string {
			return func() string {
				output, _ := l.hub.machine.Command(ctx, program, append(append([]string{"hub"}, arguments...), "--dir", directory)...).CombinedOutput()
				return string(output)
			}
		}
		shows := func(line string) {
			GinkgoHelper()
			Eventually(hub("queue")).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(MatchRegexp(line))
		}
		l.hub.start()
		l.hub.says(ctx, "The hub")
		garage.start()
		Eventually(hub("status")).WithContext(ctx).WithPolling(time.Second).Should(And(ContainSubstring("lamp0"), ContainSubstring("lamp1"), ContainSubstring("broken")))
		Expect(hub("queue")()).To(HavePrefix("The queue is empty."))
		Expect(filepath.Glob(filepath.Join(garage.folder, "*.run"))).To(BeEmpty(), "nothing begins by itself")

		By("killing the hub while a device is queued, and the agent is not there")
		garage.kill(ctx)
		Eventually(hub("queue", "add", "garage/lamp0", "garage/broken")).WithContext(ctx).WithPolling(time.Second).Should(ContainSubstring("garage/lamp0 is in the queue."))
		Expect(hub("queue", "add", "garage/lamp1", "--at", "2099-12-24 18:00", "--exact")()).To(ContainSubstring("garage/lamp1 is in the queue."))
		Expect(hub("queue", "add", "garage/fan")()).To(ContainSubstring("the hub knows no device garage/fan"))
		shows(`garage/lamp0 .*waits: the agent is not connected`)
		shows(`garage/lamp1 .*waits until 2099-12-24 18:00`)
		l.hub.kill(ctx)
		l.hub.start()
		l.hub.says(ctx, "The hub")

		By("killing the agent while it tests the device")
		garage.start()
		first := filepath.Join(garage.folder, "lamp0.run")
		results := func() int {
			run, err := runfile.Load(ctx, first)
			if err != nil {
				return 0
			}
			return len(run.Results)
		}
		Eventually(results).WithContext(ctx).WithTimeout(2 * time.Minute).Should(BeNumerically(">=", 2))
		shows(`garage/lamp0 .*under way since`)
		shows(`garage/broken .*not tested: .*absent0`)
		garage.kill(ctx)
		shows(`garage/lamp0 .*the agent is not connected`)
		garage.start()
		shows(`garage/lamp0 .*done`)

		By("killing the hub while an agent has news for it")
		Expect(hub("queue", "add", "garage/lamp0")()).To(ContainSubstring("garage/lamp0 is in the queue."))
		again := filepath.Join(garage.folder, "lamp0-recheck.run")
		Eventually(func() ([]runfile.Record, error) { return runfile.Records(ctx, again, 0) }).WithContext(ctx).WithTimeout(2 * time.Minute).ShouldNot(BeEmpty())
		l.hub.kill(ctx)
		Eventually(func() (harness.Run, error) { return runfile.Load(ctx, again) }).WithContext(ctx).WithTimeout(5 * time.Minute).WithPolling(time.Second).Should(HaveField("Status", harness.Complete))
		l.hub.start()
		l.hub.says(ctx, "The hub")
		shows(`garage/lamp0 .*done`)
		Expect(hub("queue", "remove", "garage")()).To(ContainSubstring("garage/lamp1 is not in the queue any more."))
		Expect(garage.command.Process.Signal(syscall.SIGINT)).To(Succeed())
		garage.end(ctx, 0)

		Expect(filepath.Glob(filepath.Join(garage.folder, "*.run"))).To(ConsistOf(first, again), "each entry is one run, and the one that was removed is none")
		run := loaded(ctx, again)
		Expect(run.Settings.Known.Source).To(HaveSuffix("lamp0.run"))
		for i, result := range run.Results {
			Expect(result.Trial.Number).To(Equal(i + 1))
		}
		for _, path := range []string{first, again} {
			copied := filepath.Join(directory, "runs", "garage.lamp0."+loaded(ctx, path).ID+".run")
			Eventually(func() ([]runfile.Record, error) { return runfile.Records(ctx, copied, 0) }).WithContext(ctx).Should(Equal(records(ctx, path)))
		}
		Expect(l.hub.command.Process.Signal(syscall.SIGTERM)).To(Succeed())
		l.hub.end(ctx, 0)
		for _, s := range []*station{garage, l.hub} {
			s.gone(ctx, nil)
		}
		Expect(host()).To(Equal(before))
	}, SpecTimeout(15*time.Minute))
})

const brokenSpec = `apiVersion: needwant/v1
kind: Scenarios
device: {name: broken, mac: "7c:49:eb:00:00:01", address: 192.168.77.10}
gateway: {placement: nic, inside: absent0, uplink: absent1}
scenarios:
  app: {steps: [{ping: {host: 192.168.77.10}}]}
`
