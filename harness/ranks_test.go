package harness_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness"
)

// The probabilities of the small groups are counted by hand, that of the large
// ones by a program of its own.
var _ = DescribeTable("the rank test", func(high, rest []float64, expected float64) {
	Expect(harness.RankTest(high, rest)).To(BeNumerically("~", expected, 1e-3*expected))
},
	Entry("three above three: one of the 20 ways", []float64{4, 5, 6}, []float64{1, 2, 3}, 1.0/20),
	Entry("three below three: every way is as high", []float64{1, 2, 3}, []float64{4, 5, 6}, 1.0),
	Entry("one place off: two of the 20 ways", []float64{3, 5, 6}, []float64{1, 2, 4}, 2.0/20),
	Entry("all the same", []float64{1, 1}, []float64{1, 1, 1}, 1.0),
	Entry("a tie at the border: three of the 10 ways", []float64{2, 3}, []float64{1, 2, 2}, 3.0/10),
	Entry("40 among 40, beyond what is counted", evens(40, 1), evens(40, 0), 0.4256),
)

// evens are so many even numbers, each with something added.
func evens(count int, more float64) (all []float64) {
	for i := range count {
		all = append(all, float64(2*i)+more)
	}
	return all
}
