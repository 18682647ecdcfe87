package reports_test

import (
	"bytes"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a report of a run that always blocked something", func() {
	says := map[string]string{
		"json":        `"tcp/443/*.fan.example"`,
		"html":        `every cell is decided; always blocked: 203.0.113.9 and tcp/443/*.fan.example.`,
		"md":          `every cell is decided; always blocked: 203.0.113.9 and tcp/443/\*.fan.example.`,
		"text":        "; always blocked: 203.0.113.9 and\ntcp/443/*.fan.example\n",
		"csv":         `,203.0.113.9 and tcp/443/*.fan.example` + "\n",
		"junit":       `<property name="always_blocked" value="203.0.113.9 and tcp/443/*.fan.example">`,
		"openmetrics": `needwant_run_always_blocked{device="roborock.vacuum.s5",pattern="tcp/443/*.fan.example"} 1`,
	}
	always := func() (harness.Run, harness.Judgement) {
		GinkgoHelper()
		run, judgement := s50()
		for _, text := range []string{"203.0.113.9", "tcp/443/*.fan.example"} {
			pattern, err := harness.ParsePattern(text)
			Expect(err).NotTo(HaveOccurred())
			run.Settings.Always = append(run.Settings.Always, pattern)
		}
		return run, judgement
	}

	for _, format := range reports.Formats() {
		It("says so, as "+format.Name, func() {
			Expect(says).To(HaveKey(format.Name))
			var out, without bytes.Buffer
			Expect(format.Render(&out, reports.NewReport(always()))).To(Succeed())
			Expect(out.String()).To(ContainSubstring(says[format.Name]))
			Expect(format.Render(&without, reports.NewReport(s50()))).To(Succeed())
			Expect(without.String()).NotTo(ContainSubstring("lways"))
		})
	}

	It("says below the table what that means", func() {
		Expect(markdown(reports.New(always()))).To(ContainSubstring(
			`- Blocked in every trial, in the controls too: 203.0.113.9 and tcp/443/\*.fan.example. The verdicts hold with that blocked, and only then.`))
	})
})
