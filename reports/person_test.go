package reports_test

import (
	"bytes"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports"
)

var _ = Describe("answers", func() {
	DescribeTable("are trusted as the run trusted them", func(confirm int, rate float64, says string) {
		run, judgement := s50()
		run.Settings.Confirm = confirm
		for i := range judgement.Columns {
			judgement.Columns[i].FalseFail, judgement.Columns[i].FalsePass = rate, rate
		}
		var out bytes.Buffer
		Expect(reports.Render(&out, "md", reports.NewReport(run, judgement))).To(Succeed())
		Expect(out.String()).To(ContainSubstring("- " + says + "\n"))
	},
		Entry("each of them", 0, 0.0, "One trial was enough for an answer: no chance failure was allowed for."),
		Entry("and a need takes two", 2, 0.0, "An answer was trusted by itself if it worked. What is needed had to fail in two trials."),
		Entry("and some may be wrong", 2, 0.05, "Noise allowed for: 5 % false failures, 5 % false passes."),
	)
})

var _ = Describe("a column that a person judges", func() {
	DescribeTable("says so", func(checks, says string) {
		run, judgement := s50()
		for i := range judgement.Columns {
			judgement.Columns[i].Column.Scenario.Person = true
			judgement.Columns[i].Column.Scenario.Checks = checks
		}
		var out bytes.Buffer
		Expect(reports.Render(&out, "md", reports.NewReport(run, judgement))).To(Succeed())
		Expect(out.String()).To(ContainSubstring("native_app " + says))
		Expect(out.String()).NotTo(ContainSubstring("from the gateway."))
		out.Reset()
		Expect(reports.Render(&out, "json", reports.NewReport(run, judgement))).To(Succeed())
		Expect(out.String()).To(ContainSubstring(`"person": true`))
	},
		Entry("if the spec does not say what is checked", "", "is judged by a person."),
		Entry("beside what is checked", "whether it plays", "checks whether it plays, judged by a person."),
	)
})
