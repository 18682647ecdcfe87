//go:build e2e

// Looks at reports with the programs that people and machines look at them with:
//
//	npm ci --prefix reports/e2e
//	go run github.com/onsi/ginkgo/v2/ginkgo --tags e2e --label-filter e2e ./reports
//
// It takes node, chromium (or its path in CHROMIUM) and promtool (or its path in
// PROMTOOL). The pictures are left in .cache/e2e/reports.
package reports_test

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

var _ = Describe("a report in use", Label("e2e"), func() {
	It("pleases axe, on every screen, in light and dark, and without script", func(ctx SpecContext) {
		folder, err := filepath.Abs("../.cache/e2e/reports")
		Expect(err).NotTo(HaveOccurred())
		Expect(os.RemoveAll(folder)).To(Succeed()) // pictures of an earlier run
		Expect(os.MkdirAll(folder, 0o755)).To(Succeed())
		for name, report := range map[string]reports.Report{
			"home":     twenty(),
			"vacuum":   reports.NewReport(s50()),
			"replaced": reports.NewReport(replacing(vacuumHosts()[0])),
			"open":     reports.NewReport(open()),
			"failed":   reports.NewReport(broken(), harness.Judgement{}),
			"wide":     wide(),
			"hostile":  {Matrix: spoken("<script>alert(1)</script>\u202e" + `"'|` + "吸尘器")},
			"crowd":    crowd(),
		} {
			Expect(os.WriteFile(filepath.Join(folder, name+".html"), []byte(html(report)), 0o644)).To(Succeed())
		}
		found, err := exec.CommandContext(ctx, "node", "e2e/look.mjs", chromium(), folder).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "%s", found)
		Expect(filepath.Glob(filepath.Join(folder, "*-phone-dark.png"))).To(HaveLen(7))
	}, NodeTimeout(300e9))

	DescribeTable("pleases promtool", func(ctx SpecContext, matrix func() reports.Matrix) {
		check := exec.CommandContext(ctx, cmp.Or(os.Getenv("PROMTOOL"), "promtool"), "check", "metrics")
		check.Stdin = bytes.NewBufferString(metrics(matrix()))
		said, err := check.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), "%s", said)
		Expect(said).To(BeEmpty())
	},
		Entry("sample", sample, NodeTimeout(30e9)),
		Entry("open", unsettled, NodeTimeout(30e9)),
		Entry("failed", failed, NodeTimeout(30e9)),
		Entry("hostile", func() reports.Matrix {
			m := sample()
			m.Device.Model = "a\"} 1\nb{c=\"\\<script>\u202e"
			return m
		}, NodeTimeout(30e9)),
	)
})

// chromium is the path of the browser.
func chromium() string {
	GinkgoHelper()
	path, err := exec.LookPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium"))
	Expect(err).NotTo(HaveOccurred())
	return path
}

// wide is a report of more columns than a phone has room for.
func wide() reports.Report {
	r := twenty()
	for _, column := range r.Columns {
		id := column.ID
		column.ID, column.Title = id+"@cold_boot", column.Title+" After a power cut?"
		r.Columns = append(r.Columns, column)
		for _, row := range r.Rows {
			row.Cells[column.ID] = row.Cells[id]
		}
	}
	return r
}
