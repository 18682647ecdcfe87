package reports_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a report of a run on several equal devices", func() {
	log := harness.Destination{Protocol: harness.TCP, Port: 443, Name: "log.example"}
	on := func(verdicts ...harness.ReplicaVerdict) reports.Matrix {
		GinkgoHelper()
		run, judgement := s50()
		judgement.Replicas = verdicts
		return reports.New(run, judgement)
	}
	differs := func(works bool) harness.ReplicaVerdict {
		column := harness.Column{ID: "native_app"}
		return harness.ReplicaVerdict{Name: "s51", Trials: 7, Controls: 2, Differs: []harness.Difference{
			{Column: column, Block: []harness.Destination{log}, Works: works, Trials: []int{4, 6, 9}, Others: []int{5, 7}},
		}}
	}

	It("says that the result is true of each, if that was checked", func() {
		matrix := on(harness.ReplicaVerdict{Name: "s50", Cuts: 2, Safe: true}, harness.ReplicaVerdict{Name: "s51", Cuts: 2, Safe: true})
		Expect(matrix.Run.Replicas).To(HaveEach(HaveField("Agrees", true)))
		Expect(markdown(matrix)).To(ContainSubstring(
			"2 devices shared the trials. The result was checked on s50 and s51: each cut broke it, and it worked with the safe list blocked."))
	})

	DescribeTable("names one with different needs", func(works bool, says string) {
		matrix := on(harness.ReplicaVerdict{Name: "s50", Cuts: 2, Safe: true}, differs(works))
		Expect(matrix.Run.Replicas[1].Agrees).To(BeFalse())
		Expect(matrix.Summary).To(ContainSubstring("s51 has different needs: this is not true of it."))
		Expect(markdown(matrix)).To(And(
			ContainSubstring("The result was checked on s50: "),
			ContainSubstring("s51 has different needs: with tcp/443/log.example blocked, native_app "+says+". The verdicts are those of the others.")))
	},
		Entry("if it needs more", false, "fails on it (trials 4, 6, 9) and works on the others (trials 5, 7)"),
		Entry("if it needs less", true, "works on it (trials 4, 6, 9) and fails on the others (trials 5, 7)"),
	)

	It("says what was not checked on one that was lost", func() {
		matrix := on(harness.ReplicaVerdict{Name: "s50", Cuts: 2, Safe: true}, harness.ReplicaVerdict{Name: "s51", Trials: 3, Controls: 1, Cuts: 1, Unproved: 1})
		Expect(markdown(matrix)).To(ContainSubstring("Not checked on s51, which took part in 3 trials and 1 control: 1 of 2 cuts and the safe list."))
		Expect(matrix.Summary).NotTo(ContainSubstring("s51"))
	})
})
