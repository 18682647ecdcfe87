package scenarios_test

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// check runs a spec once.
func check(ctx context.Context, engine *scenarios.Engine, spec scenarios.Spec) harness.Outcome {
	GinkgoHelper()
	scenario, err := engine.Scenario(spec)
	Expect(err).NotTo(HaveOccurred())
	return scenario.Check(ctx)
}

var _ = Describe("a check", func() {
	It("makes its steps in order, and tells what each saw", func(ctx SpecContext) {
		d := newDevice(map[string]string{"get_status": s50, "find_me": `["ok"]`})
		outcome := check(ctx, &scenarios.Engine{Device: d.client()}, scenarios.NativeApp())
		Expect(outcome.Answer).To(Equal(harness.Pass))
		Expect(outcome.Why).To(BeEmpty())
		Expect(outcome.Duration).To(BeNumerically(">", 0))
		Expect(outcome.Steps).To(HaveExactElements(
			harness.StepOutcome{Step: "miio get_status", Answer: harness.Pass, Saw: `[{"battery":100,"error_code":0,"msg_ver":2,"state":8}]`},
			harness.StepOutcome{Step: "miio find_me", Answer: harness.Pass, Saw: `["ok"]`},
		))
		Expect(d.asked()).To(HaveExactElements("get_status", "find_me"))
	}, SpecTimeout(20*time.Second))

	It("ends at the first step that fails", func(ctx SpecContext) {
		d := newDevice(map[string]string{"find_me": `["ok"]`})
		outcome := check(ctx, &scenarios.Engine{Device: d.hasty()}, scenarios.NativeApp())
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(HavePrefix("miio get_status: "))
		Expect(outcome.Steps).To(HaveExactElements(HaveField("Answer", harness.Fail)))
		Expect(d.asked()).To(HaveExactElements("get_status"))
	}, SpecTimeout(20*time.Second))

	It("repeats only the step that failed", func(ctx SpecContext) {
		d := newDevice(map[string]string{"get_status": s50, "find_me": `["ok"]`})
		d.goDeaf("find_me", 2)
		spec := scenarios.NativeApp()
		spec.Retry = scenarios.Retry{Attempts: 20, Every: 10 * time.Millisecond}
		client := d.client()
		client.Timeout = 500 * time.Millisecond
		outcome := check(ctx, &scenarios.Engine{Device: client}, spec)
		Expect(outcome.Answer).To(Equal(harness.Pass))
		Expect(outcome.Steps).To(HaveLen(2))
		Expect(strings.Join(d.asked(), " ")).To(MatchRegexp(`^(get_status )+find_me find_me( find_me)+$`))
	}, SpecTimeout(30*time.Second))

	It("gives up after the last attempt", func(ctx SpecContext) {
		d := newDevice(map[string]string{"get_status": `[{"state":12}]`})
		spec := one(scenarios.Step{Do: &scenarios.Miio{Method: "get_status"}, Expect: "result[0].state in [3, 8, 100]"})
		spec.Retry = scenarios.Retry{Attempts: 3}
		outcome := check(ctx, &scenarios.Engine{Device: d.client()}, spec)
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Why).To(Equal(`miio get_status: expected result[0].state in [3, 8, 100], got 12, in the answer [{"state":12}]`))
		Expect(d.asked()).To(HaveLen(3))
	}, SpecTimeout(20*time.Second))

	It("is inconclusive when it is stopped", func(ctx SpecContext) {
		d := newDevice(nil)
		spec := scenarios.NativeApp()
		spec.Retry = scenarios.Retry{Attempts: 1000, Every: time.Hour}
		cancelled, cancel := context.WithCancel(ctx)
		outcomes := make(chan harness.Outcome, 1)
		client := d.client()
		client.Timeout = time.Hour
		scenario, err := (&scenarios.Engine{Device: client}).Scenario(spec)
		Expect(err).NotTo(HaveOccurred())
		go func() { outcomes <- scenario.Check(cancelled) }()
		Eventually(d.asked).WithContext(ctx).ShouldNot(BeEmpty())
		cancel()
		var outcome harness.Outcome
		Eventually(outcomes).WithContext(ctx).Should(Receive(&outcome))
		Expect(outcome.Answer).To(Equal(harness.Inconclusive))
		Expect(outcome.Why).To(ContainSubstring("stopped"))
	}, SpecTimeout(20*time.Second))

	It("fails a step whose own time is over", func(ctx SpecContext) {
		client := newDevice(nil).client()
		client.Timeout = time.Hour
		step := scenarios.Step{Do: &scenarios.Miio{Method: "get_status"}, Timeout: 50 * time.Millisecond}
		outcome := check(ctx, &scenarios.Engine{Device: client}, one(step))
		Expect(outcome.Answer).To(Equal(harness.Fail))
	}, SpecTimeout(20*time.Second))
})

// expectClean looks for secrets anywhere in an outcome.
func expectClean(outcome harness.Outcome, secrets ...string) {
	GinkgoHelper()
	written, err := json.Marshal(outcome)
	Expect(err).NotTo(HaveOccurred())
	for _, secret := range secrets {
		Expect(string(written)).NotTo(ContainSubstring(secret))
	}
}
