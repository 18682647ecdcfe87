package reports_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/reports"
)

var _ = DescribeTable("of a group of alternatives so many are needed", func(groups string, needed, of int) {
	var all [][]string
	for group := range strings.FieldsSeq(groups) {
		all = append(all, strings.Split(group, ""))
	}
	n, m := reports.Needed(all, "a")
	Expect([]int{n, m}).To(Equal([]int{needed, of}))
},
	Entry("of one group, one", "abc", 1, 3),
	Entry("of one group among others, one", "abc de", 1, 3),
	Entry("of two servers in each three of four, two", "abc abd acd bcd", 2, 4),
	Entry("of each two of three, two", "ab bc ac", 2, 3),
	Entry("of the same group twice, one", "ab ba ab", 1, 2),
	Entry("of a group within another, one of the smaller", "abc ab", 1, 2),
	Entry("of groups that overlap otherwise, it is not said", "ab ac", 0, 0),
	Entry("of groups of several sizes, it is not said", "ab acd", 0, 0),
	Entry("of no group, it is not said", "bc", 0, 0),
)
