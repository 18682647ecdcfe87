package reports_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports"
)

// go test ./reports -update writes the golden files again.
var update = flag.Bool("update", false, "write the golden files of the reports")

var _ = Describe("a report", func() {
	for _, format := range reports.Formats() {
		It("reads as it did before, as "+format.Name, func() {
			golden("s50."+format.Name, func(out *bytes.Buffer) error { return reports.Render(out, format.Name, reports.NewReport(s50())) })
			golden("open."+format.Name, func(out *bytes.Buffer) error { return reports.Render(out, format.Name, reports.NewReport(open())) })
			golden("replaced."+format.Name, func(out *bytes.Buffer) error {
				return reports.Render(out, format.Name, reports.NewReport(replacing(vacuumHosts()[0])))
			})
			golden("failed."+format.Name, func(out *bytes.Buffer) error {
				return reports.Render(out, format.Name, reports.NewReport(broken(), harness.Judgement{}))
			})
		})
	}

	It("reads as it did before, in colour and wide", func() {
		golden("s50.wide.text", func(out *bytes.Buffer) error { return reports.Text{Colour: true, Width: 140}.Render(out, sample()) })
	})
	It("reads as it did before, in a narrow terminal", func() {
		golden("open.narrow.text", func(out *bytes.Buffer) error { return reports.Text{Width: 60}.Render(out, unsettled()) })
		golden("s50.narrow.text", func(out *bytes.Buffer) error { return reports.Text{Width: 60}.Render(out, sample()) })
	})
})

func golden(name string, render func(*bytes.Buffer) error) {
	GinkgoHelper()
	path := filepath.Join("testdata", name)
	var out bytes.Buffer
	Expect(render(&out)).To(Succeed())
	if *update {
		Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
		Expect(os.WriteFile(path, out.Bytes(), 0o644)).To(Succeed())
	}
	want, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred(), "go test ./reports -update writes it")
	Expect(out.String()).To(Equal(string(want)))
}
