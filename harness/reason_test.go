package harness_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/manualtest"
)

var update = flag.Bool("update", false, "write the manual's table of reasons")

// written are the reasons in the source: constants whose names end in Reason, and those of the search.
func written() (names []string) {
	GinkgoHelper()
	search, err := os.ReadFile("search/search.go")
	Expect(err).NotTo(HaveOccurred())
	_, begun, _ := strings.Cut(string(search), "// Reasons that a [Question] gives.\n")
	ofSearch, _, _ := strings.Cut(begun, "\n)\n")
	for _, found := range regexp.MustCompile(`= "(.+)"`).FindAllStringSubmatch(ofSearch, -1) {
		names = append(names, found[1])
	}
	files, err := filepath.Glob("*.go")
	Expect(err).NotTo(HaveOccurred())
	for _, file := range files {
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		for _, found := range regexp.MustCompile(`(?m)^(?:const |\t)\w+Reason += "(.+)"$`).FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
	}
	return names
}

var _ = Describe("the reasons of trials", func() {
	It("have words for people, all of them", func() {
		var listed []string
		for _, reason := range harness.Reasons() {
			listed = append(listed, reason.Name)
		}
		Expect(listed).To(ConsistOf(written()))
	})

	It("are shown in these words", func() {
		Expect(harness.Trial{Reason: "all-stand-ins"}.Why()).To(Equal("all stand-ins"))
		Expect(harness.Trial{Reason: "of a later version"}.Why()).To(Equal("of a later version"))
	})

	It("are in the manual (go test ./harness -update writes them)", func() {
		made := "| reason | what such a trial does |\n|---|---|\n"
		for _, reason := range harness.Reasons() {
			made += fmt.Sprintf("| %s | %s |\n", reason.Words, reason.Means)
		}
		manualtest.ExpectPart("../docs/how-verdicts-are-reached.md", "reasons", made+"\n", *update)
	})
})
