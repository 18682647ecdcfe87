package scenarios_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/scenarios"
)

// program writes a script and returns its path.
func program(lines string) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "specs.test")
	Expect(os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o600)).To(Succeed())
	Expect(os.Chmod(path, 0o700)).To(Succeed())
	return path
}

// reporting is a suite that writes this report.
func reporting(report string) string {
	return program(`for flag; do case $flag in --ginkgo.json-report=*) cat > "${flag#*=}" <<'END'
` + report + `
END
esac; done; exit 1`)
}

const threeSpecs = `[{"SpecReports": [
	{"LeafNodeType": "It", "LeafNodeText": "moves", "ContainerHierarchyTexts": ["it"], "State": "passed"},
	{"LeafNodeType": "It", "LeafNodeText": "speaks", "ContainerHierarchyTexts": ["it"], "State": "failed", "Failure": {"Message": "it is mute"}},
	{"LeafNodeType": "It", "LeafNodeText": "waits", "ContainerHierarchyTexts": ["it"], "State": "skipped"}]}]`

// What a real suite comes to, on real packets, is proved in cmd/internal/specbench.
var _ = Describe("a ginkgo step", func() {
	run := func(ctx context.Context, binary string, timeout time.Duration) harness.Outcome {
		GinkgoHelper()
		return check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &scenarios.Ginkgo{Binary: binary}, Timeout: timeout}))
	}

	It("fails when a spec does, and says which", func(ctx SpecContext) {
		outcome := run(ctx, reporting(threeSpecs), 20*time.Second)
		Expect(outcome.Answer).To(Equal(harness.Fail))
		Expect(outcome.Steps[0]).To(And(HaveField("Cause", harness.Unexpected), HaveField("Saw", "1 passed, 1 failed: it speaks: it is mute")))
	}, SpecTimeout(30*time.Second))

	It("fails when the suite does not end in time", func(ctx SpecContext) {
		outcome := run(ctx, program("sleep 60"), 200*time.Millisecond)
		Expect(outcome.Steps[0]).To(And(HaveField("Answer", harness.Fail), HaveField("Cause", harness.TimedOut)))
	}, SpecTimeout(30*time.Second))

	DescribeTable("is inconclusive when", func(ctx SpecContext, binary func() string, says string) {
		outcome := run(ctx, binary(), 20*time.Second)
		Expect(outcome.Steps[0]).To(And(HaveField("Answer", harness.Inconclusive), HaveField("Cause", harness.Unable)))
		Expect(outcome.Why).To(ContainSubstring(says))
	},
		Entry("there is no such suite", func() string { return "/nowhere/specs.test" }, "no such file", SpecTimeout(30*time.Second)),
		Entry("the suite is no Ginkgo suite", func() string { return program("echo what") }, "wrote no report: what", SpecTimeout(30*time.Second)),
		Entry("the report is none", func() string { return reporting("{") }, "reading the suite's report", SpecTimeout(30*time.Second)),
		Entry("no spec was run", func() string { return reporting(`[{"SpecReports": []}]`) }, "no spec was run", SpecTimeout(30*time.Second)),
	)

	It("becomes a column for each spec, which share one run", func(ctx SpecContext) {
		runs := filepath.Join(GinkgoT().TempDir(), "runs")
		binary := program(`case "$*" in *dry-run*) ;; *) echo run >> ` + runs + `; sleep 1;; esac
for flag; do case $flag in --ginkgo.json-report=*) cat > "${flag#*=}" <<'END'
[{"SpecReports": [{"LeafNodeType": "It", "LeafNodeText": "Moves!", "State": "passed"}, {"LeafNodeType": "It", "LeafNodeText": "moves", "State": "passed"}]}]
END
esac; done`)
		file, err := scenarios.Parse("spec.yaml", []byte(labHead+"    steps: [{ginkgo: {binary: "+binary+"}}]\n  two:\n    steps: [{wait: 1s}]\n"))
		Expect(err).NotTo(HaveOccurred())
		list, err := file.Expand(ctx, file.Scenarios)
		Expect(err).NotTo(HaveOccurred())
		Expect(list).To(HaveExactElements(
			And(HaveField("Name", "one_moves"), HaveField("Title", "Moves!")), HaveField("Name", "one_moves_2"), HaveField("Name", "two")))

		bound, err := file.Bind(list[:2], scenarios.Site{Places: map[string]scenarios.Place{"gateway": {}}})
		Expect(err).NotTo(HaveOccurred())
		outcomes := make(chan harness.Outcome)
		for _, scenario := range bound {
			go func() { outcomes <- scenario.Check(ctx) }()
		}
		for range bound {
			var outcome harness.Outcome
			Eventually(outcomes).WithContext(ctx).Should(Receive(&outcome))
			Expect(outcome.Answer).To(Equal(harness.Pass), outcome.Why)
		}
		Expect(os.ReadFile(runs)).To(BeEquivalentTo("run\n"))
	}, SpecTimeout(30*time.Second))

	It("hands the label on", func(ctx SpecContext) {
		flags := filepath.Join(GinkgoT().TempDir(), "flags")
		binary := program(`echo "$@" > ` + flags)
		check(ctx, new(scenarios.Engine), one(scenarios.Step{Do: &scenarios.Ginkgo{Binary: binary, Label: "smoke"}}))
		Expect(os.ReadFile(flags)).To(ContainSubstring("--ginkgo.label-filter=smoke"))
	}, SpecTimeout(30*time.Second))

	It("says what does not compile", func(ctx SpecContext) {
		file, err := scenarios.Parse("spec.yaml", []byte(labHead+"    steps: [{ginkgo: ./testdata/nothing}]\n"))
		Expect(err).NotTo(HaveOccurred())
		_, err = file.Expand(ctx, file.Scenarios)
		Expect(err).To(MatchError(And(ContainSubstring("scenario one: finding the package ./testdata/nothing"), ContainSubstring("directory not found"))))
	}, SpecTimeout(30*time.Second))
})
