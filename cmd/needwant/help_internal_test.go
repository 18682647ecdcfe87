package main

import (
	"bytes"
	"strings"

	"github.com/clipperhouse/displaywidth"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"
)

var _ = Describe("the help", func() {
	It("of each command fits a terminal", func() {
		var out bytes.Buffer
		root, texts := command(&out, &out), 0
		each(root, func(one *cobra.Command) {
			out.Reset()
			Expect(one.Help()).To(Succeed())
			texts++
			for line := range strings.Lines(out.String()) {
				Expect(displaywidth.String(strings.TrimRight(line, "\n"))).To(BeNumerically("<=", helpWidth), "%s --help: %s", one.CommandPath(), line)
				Expect(line).NotTo(ContainSubstring(`\u`), "an escaped character")
			}
		})
		Expect(texts).To(BeNumerically(">", 25))
	})

	It("joins the lines of a paragraph, and leaves tables as they are", func() {
		words := strings.TrimSpace(strings.Repeat("seven77 ", 12)) // 95 columns
		Expect(strings.Split(fitted("one\n"+words+"\n\n  word   "+words+"\n  other  short"), "\n")).To(Equal([]string{
			"one" + strings.Repeat(" seven77", 9),
			"seven77 seven77 seven77",
			"",
			"  word  " + strings.Repeat(" seven77", 9),
			"         seven77 seven77 seven77",
			"  other  short",
		}))
	})
})
