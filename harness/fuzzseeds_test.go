package harness_test

import (
	"fmt"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// seeds are those of the environment, or else from first up to last.
func seeds(first, last uint64) (from, to uint64) {
	text := os.Getenv(fuzzSeeds)
	if text == "" {
		return first, last
	}
	if n, _ := fmt.Sscanf(text, "%d-%d", &from, &to); n < 2 {
		to = from
	}
	return from, to
}

// fuzz carries out some experiments, without some dimensions, and fails with what is wrong.
func fuzz(first, last uint64, without ...string) {
	GinkgoHelper()
	definite, cells := 0, 0
	from, to := seeds(first, last)
	var failed []string
	for seed := from; seed <= to; seed++ {
		f := drawn(seed, without...)
		f.do()
		if wrong := f.wrong(); len(wrong) > 0 {
			failed = append(failed, fmt.Sprintf("%s\n  %s", f, strings.Join(wrong, "\n  ")))
		} else {
			GinkgoWriter.Println(f)
		}
		for _, column := range f.judged.Columns {
			for _, cell := range column.Cells {
				if cells++; cell.Verdict != harness.Undecided && cell.Verdict != harness.NotExercised {
					definite++
				}
			}
		}
	}
	AddReportEntry("definite verdicts", fmt.Sprintf("%d of %d, seeds %d to %d", definite, cells, from, to))
	if len(failed) > 0 {
		Fail(strings.Join(failed, "\n"))
	}
	if to-from >= 10 {
		Expect(definite).To(BeNumerically(">", cells/2), "definite verdicts")
	}
}

var _ = Describe("an experiment on a random device", Label("norace"), func() {
	It("ends, and none of its verdicts is wrong", func() { fuzz(1, 12) })
	It("ends, and none of its verdicts is wrong, with more seeds", Label("whole"), func() { fuzz(13, 60) })
	DescribeTable("was once judged wrongly, or did not end", func(seed uint64, without ...string) { fuzz(seed, seed, without...) },
		Entry("what was missed in the trial before was not waited for", uint64(46), "boot"),
		Entry("a kept connection was taken for a fallback, and not tried in a short trial", uint64(138)),
		Entry("a short pass contradicted what the device had tried later", uint64(311)),
		Entry("what was missed in the trial before did not count as blocked", uint64(109)),
		Entry("a contradiction was asked again without an end", uint64(89)),
		Entry("the third short pass counted, though the device had not tried what it contacts seldom", uint64(243)),
		Entry("what works without several was not proved with all of them tried in one trial", uint64(312), "boot"),
		Entry("a kept connection that was missed in the trial before did not count as blocked", uint64(616)),
		Entry("a trial was cited that had blocked a part of the cut only", uint64(737)),
		Entry("a device with an old token failed once when it was started, and worked without each part of that set", uint64(279)),
		Entry("a pass counted although the device still used a DNS answer from before the block", uint64(644)),
		Entry("a transient failure was put down to what was blocked together with its cause", uint64(781)),
		Entry("a transient failure was put down to what the device tried only when it was over", uint64(349)),
	)
	It("ends, and none of its verdicts is wrong, with many seeds", Label("slow"), func() { fuzz(1, 1000) })
})
