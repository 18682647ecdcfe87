package catalog_test

import (
	"bytes"
	"strings"
	"unicode"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/reports/catalog"
)

var _ = Describe("the forum's table", func() {
	It("has no character that controls a terminal, or the direction of the text", func() {
		e := evidence(strings.Repeat("A", 26), "1.0", "nz", harness.Required)
		for i := range e.Columns {
			e.Columns[i].Title = "a\u202eb\u2066c\u009b31md\x1b[31me\u200bf\x7f"
			e.Columns[i].Scenario = "party"
		}
		var out bytes.Buffer
		Expect(catalog.Forum(&out, catalog.Merge([]catalog.Evidence{e}))).To(Succeed())
		Expect(out.String()).To(ContainSubstring("a b c 31md"))
		Expect(strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })).To(BeFalse())
	})
})
