// Package manualtest holds parts of the manual against the code that they are made from.
// Only specs import it.
package manualtest

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// ExpectPart expects a document to have a text between the comments
//
//	<!-- NAME: made from the Go types -->
//	<!-- end of NAME -->
//
// With update it writes the text there first.
func ExpectPart(document, name, made string, update bool) {
	GinkgoHelper()
	begin, end := "<!-- "+name+": made from the Go types -->\n\n", "<!-- end of "+name+" -->"
	text, err := os.ReadFile(document)
	Expect(err).NotTo(HaveOccurred())
	before, rest, begins := strings.Cut(string(text), begin)
	part, after, ends := strings.Cut(rest, end)
	Expect(begins && ends).To(BeTrue(), "%s has no part %s", document, name)
	if update {
		Expect(os.WriteFile(document, []byte(before+begin+made+end+after), 0o644)).To(Succeed())
		part = made
	}
	Expect(part).To(Equal(made), "%s: run the specs of this package with -update", document)
}
