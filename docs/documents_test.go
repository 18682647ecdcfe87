package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// text is a file of the repository.
func text(name string) string {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(root, name))
	Expect(err).NotTo(HaveOccurred())
	return string(content)
}

// documents are all Markdown files, relative to the root.
func documents() []string {
	GinkgoHelper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		Expect(err).NotTo(HaveOccurred())
		found = append(found, names...)
	}
	Expect(found).NotTo(BeEmpty())
	return found
}

var _ = Describe("the documents", func() {
	It("have a place on the map for every package", func() {
		tree, err := imports(root)
		Expect(err).NotTo(HaveOccurred())
		whatsHere := text("docs/whats-here.md")
		for folder := range tree {
			if strings.HasPrefix(folder, "harness/search/internal/") {
				folder = "harness/search/internal"
			}
			Expect(strings.Contains(whatsHere, "`"+folder+"`")).To(BeTrue(), "docs/whats-here.md does not say what %s is", folder)
		}
	})

	It("have each file of a large directory in one row of the map", func() {
		const large = 20 // files from which on a directory is
		tree, err := imports(root)
		Expect(err).NotTo(HaveOccurred())
		tables := map[string]string{}
		for _, part := range strings.Split(text("docs/whats-here.md"), "\n### ")[1:] {
			title, table, _ := strings.Cut(part, "\n")
			table, _, _ = strings.Cut(table, "\n## ")
			tables[strings.Trim(title, "`")] = table
		}
		name, read := regexp.MustCompile("`(\\w+\\.go)`"), 0
		for folder := range tree {
			var there, listed []string
			files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
			Expect(err).NotTo(HaveOccurred())
			for _, file := range files {
				if base := filepath.Base(file); base != "doc.go" && !strings.HasSuffix(base, "_test.go") {
					there = append(there, base)
				}
			}
			if len(there) < large && tables[folder] == "" {
				continue
			}
			for _, match := range name.FindAllStringSubmatch(tables[folder], -1) {
				listed = append(listed, match[1])
			}
			Expect(listed).To(ConsistOf(there), "the table of %s in docs/whats-here.md", folder)
			read++
		}
		Expect(read).To(BeNumerically(">", 5), "hardly a table was read")
	})

	It("link only to what is there", func() {
		link := regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
		links := 0
		for _, document := range documents() {
			content, err := os.ReadFile(document)
			Expect(err).NotTo(HaveOccurred())
			for _, match := range link.FindAllStringSubmatch(string(content), -1) {
				links++
				Expect(filepath.Join(filepath.Dir(document), match[1])).To(BeAnExistingFile(), "%s links to %s", document, match[1])
			}
		}
		Expect(links).To(BeNumerically(">", 5), "hardly a link was read")
	})

	It("put an empty line between a table and what follows", func() {
		joined := regexp.MustCompile(`(?m)^\|.*\n(\|.*\n\|[-|]+\||[^|\s].*)$`)
		for _, document := range documents() {
			content, err := os.ReadFile(document)
			Expect(err).NotTo(HaveOccurred())
			Expect(joined.FindString(string(content))).To(BeEmpty(), "%s: what follows becomes a row of the table above it", document)
		}
	})

	It("give each design note a number of its own, a status and a date", func() {
		notes, err := filepath.Glob(filepath.Join(root, "docs/design/*.md"))
		Expect(err).NotTo(HaveOccurred())
		Expect(len(notes)).To(BeNumerically(">", 3))
		taken := map[string]string{}
		for _, note := range notes {
			name := filepath.Base(note)
			Expect(name).To(MatchRegexp(`^\d{3}-[a-z0-9-]+\.md$`))
			Expect(taken).NotTo(HaveKey(name[:3]), "%s has the number of %s", name, taken[name[:3]])
			taken[name[:3]] = name
			content, err := os.ReadFile(note)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(content)).To(MatchRegexp(`(?m)^Status: (proposed|accepted|replaced by \d{3}) · \d{4}-\d\d-\d\d$`), note)
		}
	})
})
