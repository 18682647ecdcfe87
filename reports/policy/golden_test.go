package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/internal/manualtest"
	"github.com/needwant/needwant/reports/policy"
)

var setName = regexp.MustCompile(`#inet#needwant_fan#(\w+)`)

var _ = Describe("an export", func() {
	for _, format := range languages() {
		for _, kind := range policy.Kinds() {
			It("reads as it did before, as "+format.Name+" to "+string(kind), func() {
				e, ok := written(format, made(matrix(fan()...), policy.Options{Kind: kind, Device: at()}))
				if ok {
					golden(string(kind)+"."+format.Name, e.Text)
				}
			})
		}
	}

	It("is in the manual with every language (go test ./reports/policy -update writes it)", func() {
		table := "| `--format` | for | names | ports | only this device | checked by |\n|---|---|---|---|---|---|\n"
		for _, format := range policy.Formats() {
			m := format.Manual
			table += fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", format.Name, m.For, m.Names, m.Ports, m.Device, m.Checked)
		}
		manualtest.ExpectPart("../../docs/exports.md", "formats", table+"\n", *update)
	})
})

func golden(name, text string) {
	GinkgoHelper()
	path := filepath.Join("testdata", name)
	if *update {
		Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
		Expect(os.WriteFile(path, []byte(text), 0o644)).To(Succeed())
	}
	want, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred(), "go test ./reports/policy -update writes it")
	Expect(text).To(Equal(string(want)))
}
