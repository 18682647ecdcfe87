package docs_test

import (
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
			expectSpec(file, spec)
		}
		Expect(len(made)).To(BeNumerically(">", 10))
		Expect(proved).To(Equal(made))
	})

	It("names for each weak point that was found a specification that exists", func() {
		found := regexp.MustCompile(`(?m)^\| [a-z][^|]+ \| ([^|]+_test\.go) \| ([^|]+) \|$`).FindAllStringSubmatch(text("docs/promises.md"), -1)
		Expect(len(found)).To(BeNumerically(">", 20))
		for _, cells := range found {
			expectSpec(cells[1], cells[2])
		}
	})
})

func expectSpec(file, spec string) {
	GinkgoHelper()
	Expect(text(file)).To(MatchRegexp(`(It|Describe|DescribeTable|Entry|often|func)(\(| )"?`+regexp.QuoteMeta(spec)), "%s in %s", spec, file)
}
