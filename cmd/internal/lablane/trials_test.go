package lablane_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

var _ = Describe("the experiment on the simulated S50", Label("root", "whole"), func() {
	// Trials with stand-ins come after the proof, and those that do not count are this machine's fault.
	It("proves the whole result in 15 trials and 4 controls", func(ctx SpecContext) {
		run := experiment(ctx, find("s50-thread"), harness.Settings{Driver: "ipset", Faults: []harness.Fault{harness.Reject}})
		trials, controls := 0, 0
		for _, result := range run.Results {
			switch {
			case result.Suspect != "", len(result.Trial.StandIns) > 0:
			case result.Trial.Control():
				controls++
			default:
				trials++
			}
		}
		AddReportEntry("trials and controls", []int{trials, controls})
		Expect(trials).To(BeNumerically("<=", 15))
		Expect(controls).To(BeNumerically("<=", 4))
		for _, column := range harness.Judge(run).Columns {
			Expect(column.Certified).To(Equal("exact"), column.Column.ID)
		}
	}, SpecTimeout(5*time.Minute))
})
