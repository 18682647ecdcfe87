package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("docs/promises.md", func() {
	row := regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \|$`)

	It("names for each promise a specification that exists", func() {
		made, proved := map[string]bool{}, map[string]bool{}
		for _, cells := range row.FindAllStringSubmatch(text("docs/promises.md"), -1) {
			number, file, spec := cells[1], cells[2], cells[3]
			if !strings.HasSuffix(file, "_test.go") {
				made[number] = true
				continue
			}
			proved[number] = true
			content, err := os.ReadFile(filepath.Join(root, file))
			Expect(err).NotTo(HaveOccurred(), "promise %s", number)
			Expect(string(content)).To(MatchRegexp(`(It|Describe|DescribeTable|Entry|often|func)(\(| )"?`+regexp.QuoteMeta(spec)), "%s, for promise %s", file, number)
		}
		Expect(len(made)).To(BeNumerically(">", 10))
		Expect(proved).To(Equal(made))
	})
})
