package scenarios_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

// good reads a spec that is good.
func good(text string) scenarios.File {
	GinkgoHelper()
	file, err := scenarios.Parse(filepath.Join(GinkgoT().TempDir(), "spec.yaml"), []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return file
}

var _ = Describe("a spec file", func() {
	It("keeps the order of its scenarios, and its text", func() {
		text := head + "scenarios:\n  b: {steps: [{wait: 1s}]}\n  a: {steps: [{wait: 1s}]}\n  c: {steps: [{wait: 1s}]}\n"
		file := good(text)
		Expect(file.Scenarios).To(HaveExactElements(HaveField("Name", "b"), HaveField("Name", "a"), HaveField("Name", "c")))
		Expect(file.Text()).To(Equal(text))
	})

	It("gets what it leaves out", func() {
		file := good(nicHead + "    during: continuous\n    steps: [{miio: get_status}]\n")
		Expect(file.Block).To(Equal(scenarios.Block{Faults: []string{"reject"}, Keep: []string{"dhcp"}}))
		Expect(file.Timing).To(Equal(scenarios.Timing{Settle: 90 * time.Second, Recover: time.Minute, Longest: 30 * time.Minute, Observe: 30 * time.Minute}))
		Expect(file.Regimes.Steady).NotTo(BeNil())
		Expect(file.Regimes.ColdBoot).To(BeNil())
		Expect(file.Scenarios[0]).To(And(HaveField("Every", 15*time.Second), HaveField("PassWhen", "ok_ratio >= 0.9")))
	})

	It("has a person judge what costs one, and what asks one", func() {
		file := good(nicHead + "    cost: person\n    steps: [{miio: get_status}]\n  b: {steps: [{prompt: 'Does it work?'}]}\n  c: {steps: [{miio: get_status}]}\n")
		Expect(file.Scenarios).To(HaveExactElements(
			WithTransform(scenarios.Spec.Info, HaveField("Person", true)), WithTransform(scenarios.Spec.Info, HaveField("Person", true)), WithTransform(scenarios.Spec.Info, HaveField("Person", false))))
		_, err := scenarios.Parse("spec.yaml", []byte(nicHead+"    cost: robot\n    steps: [{miio: get_status}]\n"))
		Expect(err).To(MatchError(ContainSubstring("\"robot\" is not a cost")))
	})

	It("has the timing of its world in a lab", func() {
		Expect(good(head + "scenarios:\n  a: {steps: [{wait: 1s}]}\n").Timing).To(BeZero())
	})

	It("takes the Home Assistant of its power switch from its first hass step", func() {
		file := good(nicHead + "    steps: [{hass: {url: 'http://192.168.1.5:8123', entity: vacuum.s50}}]\nregimes: {cold_boot: {power: {hass: switch.plug}}}\n")
		Expect(file.Regimes.ColdBoot.Power.URL).To(Equal("http://192.168.1.5:8123"))
		Expect(file.Regimes.ColdBoot.Wait).To(Equal(3 * time.Minute))
	})

	It("can be chosen from by tags", func() {
		file := good(head + "scenarios:\n  a: {tags: [local, slow], steps: [{wait: 1s}]}\n  b: {tags: [cloud], steps: [{wait: 1s}]}\n")
		Expect(file.Chosen([]string{"slow", "nothing"})).To(HaveExactElements(HaveField("Name", "a")))
		Expect(file.Chosen(nil)).To(HaveLen(2))
		_, err := file.Chosen([]string{"clod"})
		Expect(err).To(MatchError(ContainSubstring(`did you mean "cloud"?`)))
	})

	It("says when to give up", func() {
		due, err := good(nicHead + "    steps: [{wait: 1s}]\nabort_if: offline_s > 1800 || trials >= 100\n").Abort()
		Expect(err).NotTo(HaveOccurred())
		Expect(due(time.Hour, time.Hour, 1)).To(BeTrue())
		Expect(due(time.Minute, 100*time.Hour, 99)).To(BeFalse())
		Expect(due(0, 0, 100)).To(BeTrue())
		Expect(good(nicHead + "    steps: [{wait: 1s}]\n").Abort()).To(BeNil())
	})
})

var _ = Describe("binding a spec file", func() {
	here := scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}, "host": {}}}

	DescribeTable("reads its secrets", func(prepare func(folder string) string, matcher OmegaMatcher) {
		file := good(nicHead + "    steps: [{miio: get_status}]\n")
		file.Secrets.Miio = scenarios.Secret(prepare(file.Folder()))
		_, err := file.Bind(file.Scenarios, here)
		Expect(err).To(matcher)
	},
		Entry("from the environment", func(string) string { return secret("DEVICE_TOKEN", deviceSecret) }, Not(HaveOccurred())),
		Entry("from a file beside it", func(folder string) string {
			Expect(os.WriteFile(filepath.Join(folder, "token"), []byte(deviceSecret+"\n"), 0o600)).To(Succeed())
			return "file:token"
		}, Not(HaveOccurred())),
		Entry("and says what to export", func(string) string { return "env:NOT_THERE" }, MatchError(ContainSubstring("export NOT_THERE="))),
		Entry("and says which file is missing", func(string) string { return "file:none" }, MatchError(ContainSubstring("none: no such file"))),
		Entry("and refuses an empty file", func(folder string) string {
			Expect(os.WriteFile(filepath.Join(folder, "token"), nil, 0o600)).To(Succeed())
			return "file:token"
		}, MatchError(ContainSubstring("is empty"))),
		Entry("and does not repeat a bad one", func(string) string { return secret("DEVICE_TOKEN", "nonsense") },
			MatchError(And(ContainSubstring("secret miio"), Not(ContainSubstring("nonsense"))))),
	)

	It("says what cannot be judged from here", func() {
		file := good(head + "scenarios: {one: {from: lan, steps: [{wait: 1s}]}}\n")
		_, err := file.Bind(file.Scenarios, here)
		Expect(err).To(MatchError("scenario one: nothing can be judged from lan here"))
	})

	It("gives a cold boot its switch, and the device its time to start", func(ctx SpecContext) {
		turned := filepath.Join(GinkgoT().TempDir(), "turned")
		file := good(nicHead + "    steps: [{wait: 1s}]\nregimes: {cold_boot: {wait: 50ms, power: {off: 1ms, exec: {off: touch " + turned + ".off, on: touch " + turned + ".on}}}}\n")
		restart, err := file.Restarter(here)
		Expect(err).NotTo(HaveOccurred())
		started := time.Now()
		Expect(restart(ctx)).To(Succeed())
		Expect(time.Since(started)).To(BeNumerically(">=", 50*time.Millisecond))
		Expect(turned + ".off").To(BeARegularFile())
		Expect(turned + ".on").To(BeARegularFile())
	}, SpecTimeout(time.Minute))

	It("switches on again when it is stopped in between", func(ctx SpecContext) {
		turned := filepath.Join(GinkgoT().TempDir(), "turned")
		file := good(nicHead + "    steps: [{wait: 1s}]\nregimes: {cold_boot: {power: {off: 1h, exec: {off: touch " + turned + ".off, on: touch " + turned + ".on}}}}\n")
		restart, err := file.Restarter(here)
		Expect(err).NotTo(HaveOccurred())
		stopped, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- restart(stopped) }()
		Eventually(turned + ".off").WithContext(ctx).Should(BeARegularFile())
		stop()
		Eventually(ended).WithContext(ctx).Should(Receive(HaveOccurred()))
		Expect(turned + ".on").To(BeARegularFile())
	}, SpecTimeout(time.Minute))
})
