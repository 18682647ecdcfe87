package optimum_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/optimum"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("The optimum", func() {
	// always draws a device with these cuts.
	always := func(n int, cuts ...search.Set) func(*rand.Rand) systems.System {
		return func(*rand.Rand) systems.System { return systems.System{N: n, Cuts: cuts} }
	}

	DescribeTable("is what can be worked out by hand",
		func(n int, draw func(*rand.Rand) systems.System, trials float64) {
			best, _ := optimum.Sampled(n, 100, draw).Optimum()
			Expect(best).To(BeNumerically("~", trials, 1e-9))
		},
		Entry("one trial proves that nothing is needed", 3, always(3), 1.0),
		Entry("one trial proves that the only one is required", 1, always(1, search.Of(0)), 1.0),
		Entry("all are required: each was tried alone", 3, always(3, search.Of(0), search.Of(1), search.Of(2)), 3.0),
		Entry("a group of two: both, and each alone", 2, always(2, search.Of(0, 1)), 3.0),
		Entry("one of two is required, nobody knows which: one tells, and proves half", 2, always(2, search.Of(0)), 2.0),
		Entry("one of four is required: a pair halves, one tells, and half of the time the cut or the rest is proved by then",
			4, always(4, search.Of(0)), 3.5),
	)

	DescribeTable("is not below the bound for any number of destinations",
		func(n int, draw func(int, *rand.Rand) systems.System, near float64) {
			few := func(random *rand.Rand) systems.System { return draw(n, random) }
			best, afterAll := optimum.Sampled(n, 2000, few).Optimum()
			bound, boundAfterAll := optimum.Bound(n, 2000, few)
			AddReportEntry("the optimum and its bound, and both if everything is blocked first", []float64{best, bound, afterAll, boundAfterAll})
			Expect(bound).To(And(BeNumerically("<=", best+1e-9), BeNumerically(">", near*best)))
			Expect(boundAfterAll).To(And(BeNumerically("<=", afterAll+1e-9), BeNumerically(">", near*afterAll)))
		},
		Entry("of devices as the search expects them", 4, systems.Typical, 0.85),
		Entry("of devices that need more", 4, systems.Small, 0.85),
	)

	DescribeTable("is not beaten by the search, which comes near it",
		func(draw func(int, *rand.Rand) systems.System, near float64) {
			prior := optimum.Sampled(4, 2000, func(random *rand.Rand) systems.System { return draw(4, random) })
			trials := prior.Mean(func(s systems.System) int {
				out := systems.Experiment{System: s, Options: search.Options{Exact: true}}.Run()
				Expect(s.Right(out.Explanation)).To(BeTrue())
				return out.Trials
			})
			best, afterAll := prior.Optimum()
			AddReportEntry("trials, the optimum, and that of a search that blocks everything first", []float64{trials, best, afterAll})
			Expect(afterAll).To(BeNumerically(">=", best-1e-9))
			Expect(trials).To(BeNumerically(">=", afterAll-1e-9))
			Expect(trials).To(BeNumerically("<", near*afterAll))
		},
		Entry("of devices as it expects them", systems.Typical, 1.02),
		Entry("of devices that need more", systems.Small, 1.04),
	)
})
