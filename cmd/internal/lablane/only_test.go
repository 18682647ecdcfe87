package lablane_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/blocklist"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("the television that a blocklist broke", Label("root", "slow"), func() {
	It("needs any one of three names, which takes at most 12 trials to find", func(ctx SpecContext) {
		list, err := blocklist.Read("../../../netns/lab/worlds/tv-list.txt")
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Entries).To(Equal(400))
		run := experiment(ctx, find("tv-list"), harness.Settings{Only: list.Settings(), Faults: []harness.Fault{harness.NXDomain}})
		judgement := harness.Judge(run)
		Expect(judgement.Rows).To(HaveLen(10))
		Expect(reports.New(run, judgement).Summary).To(Equal(
			"Any one of these three is enough: allow drm-a.license.example, drm-b.license.example or drm-c.license.example, and everything works."))
		for _, result := range run.Results {
			Expect(result.Trial.Block).NotTo(ContainElement(HaveField("Name", "api.tvbrand.example")))
		}
		trials, part := 0, run
		for i, result := range run.Results {
			if !result.Trial.Control() && result.Suspect == "" { // a busy machine's do not count
				trials++
			}
			part.Results = run.Results[:i+1]
			if len(harness.Judge(part).Columns[0].Cuts) > 0 {
				break
			}
		}
		Expect(trials).To(BeNumerically("<=", 12))
	}, SpecTimeout(5*time.Minute))
})
