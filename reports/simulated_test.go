package reports_test

import (
	"bytes"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a report of a simulated device", func() {
	says := map[string]string{
		"json":        `"simulated": true`,
		"html":        `<h1><bdi>simulated device roborock.vacuum.s5`,
		"md":          "### simulated device roborock.vacuum.s5, firmware 3.5.8_002034\n",
		"text":        "\nsimulated device roborock.vacuum.s5, firmware 3.5.8_002034\n",
		"csv":         ",Simulated\n",
		"junit":       `name="needwant: simulated device roborock.vacuum.s5`,
		"openmetrics": "\nneedwant_run_simulated{device=\"roborock.vacuum.s5\"} 1\n",
	}

	for _, format := range reports.Formats() {
		It("says so, as "+format.Name, func() {
			Expect(says).To(HaveKey(format.Name))
			Expect(simulatedIn(format, true)).To(ContainSubstring(says[format.Name]))
			Expect(simulatedIn(format, false)).NotTo(ContainSubstring(says[format.Name]))
		})
	}

	It("says below the table what that means", func() {
		run, judgement := s50()
		run.Settings.Simulated = true
		Expect(markdown(reports.New(run, judgement))).To(ContainSubstring("- The device is simulated: these verdicts describe a world of the lab, not the product that it is named after.\n"))
	})

	It("says below the table what a run on DNS queries alone cannot see", func() {
		run, judgement := s50()
		Expect(markdown(reports.New(run, judgement))).NotTo(ContainSubstring("Only the device's DNS queries"))
		run.Settings.ByName = true
		Expect(markdown(reports.New(run, judgement))).To(ContainSubstring("- " + harness.Blind + "\n"))
	})

	It("says that a device of which no name was needed may resolve them elsewhere", func() {
		const elsewhere = "- No name was needed here. Perhaps the device resolves a name elsewhere"
		run, judgement := s50()
		m := reports.New(run, judgement)
		m.Run.ByName = true
		Expect(markdown(m)).NotTo(ContainSubstring(elsewhere), "some are needed")
		for verdict, says := range map[harness.Verdict]OmegaMatcher{
			harness.Optional: ContainSubstring(elsewhere), harness.NotExercised: Not(ContainSubstring(elsewhere)),
		} {
			for _, row := range m.Rows {
				for column := range row.Cells {
					row.Cells[column] = reports.Cell{Verdict: verdict}
				}
			}
			Expect(markdown(m)).To(says)
		}
		m.Run.ByName = false
		Expect(markdown(m)).NotTo(ContainSubstring(elsewhere))
	})

	It("says so where it is compared with another run", func() {
		m := sample()
		m.Run.Simulated = true
		var out bytes.Buffer
		Expect(reports.Compare(sample(), m).Text(&out, 0)).To(Succeed())
		Expect(out.String()).To(ContainSubstring("Now: simulated device roborock.vacuum.s5"))
	})
})

func simulatedIn(format reports.Format, is bool) string {
	GinkgoHelper()
	run, judgement := s50()
	run.Settings.Simulated = is
	var out bytes.Buffer
	Expect(format.Render(&out, reports.NewReport(run, judgement))).To(Succeed())
	return out.String()
}
