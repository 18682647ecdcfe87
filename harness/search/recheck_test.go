package search_test

import (
	"math/rand/v2"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("a known matrix that is tested again", func() {
	cutsOf := func(e search.Explanation) (cuts []search.Set) {
		for _, cut := range e.Cuts {
			cuts = append(cuts, cut.Members)
		}
		return cuts
	}
	random := func(i int) *rand.Rand { return rand.New(rand.NewPCG(71, uint64(i))) }

	It("takes a trial for each cut, and at most two more, if nothing changed", func() {
		for i := range 300 {
			system := systems.Random(random(i))
			out := system.Recheck(system.Hypothesis(), search.Options{Exact: true})
			Expect(out.Trials).To(BeNumerically("<=", len(system.Cuts)+2), "%v", system)
			Expect(cutsOf(out.Explanation)).To(ConsistOf(system.Cuts))
			Expect(out.Explanation.Certified).To(Equal(search.Rechecked))
			Expect(out.Explanation.Undecided.Union(out.Explanation.NotExercised).IsEmpty()).To(BeTrue())
		}
	})

	It("finds what a group has gained if neither safe list holds the group", func() {
		others := []search.Set{search.Of(1, 2), search.Of(1, 3), search.Of(0, 6)}
		before := systems.System{N: 10, Cuts: append([]search.Set{search.Of(0, 1)}, others...)}
		after := systems.System{N: 10, Cuts: append([]search.Set{search.Of(0, 1, 8)}, others...)}
		out := after.Recheck(before.Hypothesis(), search.Options{Exact: true})
		Expect(cutsOf(out.Explanation)).To(ConsistOf(after.Cuts))
	})

	It("ends with the safe list", func() {
		for i := range 100 {
			system := systems.Random(random(i))
			out := system.Recheck(system.Hypothesis(), search.Options{Exact: true})
			if safe := search.JointSafe(out.Explanation); !safe.IsEmpty() {
				Expect(out.Knowledge[len(out.Knowledge)-1].Blocked).To(Equal(safe))
			}
		}
	})

	It("is told from a wrong answer, if answers may be wrong", func() {
		wrong, all := 0, 400
		for i := range all {
			r := random(i)
			before := systems.Random(r)
			after, ok := before.Change(systems.Changes()[i%len(systems.Changes())], r)
			if !ok {
				after = before
			}
			out := systems.Experiment{
				System: after, Options: search.Options{Exact: true, MaxNoise: 0.05}, FalseFail: 0.05, FalsePass: 0.005, Random: r,
			}.Recheck(before.Hypothesis())
			if out.Explanation.Certified != "none" && !after.Right(out.Explanation) {
				wrong++
			}
		}
		Expect(float64(wrong)/float64(all)).To(BeNumerically("<", 0.02), "%d of %d", wrong, all)
	})

	DescribeTable("finds one change in at most half the trials of a new search, in the median", func(each int) {
		var shares []float64
		for _, how := range systems.Changes() {
			for seed, changes := 0, 0; changes < each; seed++ {
				before, after, ok := systems.Changed(how, seed)
				if !ok {
					continue
				}
				changes++
				out := after.Recheck(before.Hypothesis(), search.Options{Exact: true})
				whole := systems.Experiment{System: after, Options: search.Options{Exact: true}}.Run()
				Expect(cutsOf(out.Explanation)).To(ConsistOf(after.Cuts), "%s: before %v, after %v", how, before.Cuts, after.Cuts)
				Expect(cutsOf(whole.Explanation)).To(ConsistOf(after.Cuts), "a new search")
				shares = append(shares, float64(out.Trials)/float64(whole.Trials))
			}
		}
		slices.Sort(shares)
		middle := len(shares) / 2 // their number is even
		median := (shares[middle-1] + shares[middle]) / 2
		Expect(median).To(BeNumerically("<=", 0.5))
	},
		Entry("8 changes", 1),
		Entry("200 changes", Label("slow"), 25),
	)

	for _, how := range systems.Changes() {
		It("finds one change: "+how, func() {
			tried := 0
			for i := range 60 {
				before := systems.Random(random(i))
				after, ok := before.Change(how, random(1000+i))
				if !ok {
					continue
				}
				tried++
				out := after.Recheck(before.Hypothesis(), search.Options{Exact: true})
				Expect(cutsOf(out.Explanation)).To(ConsistOf(after.Cuts), "before %v, after %v", before.Cuts, after.Cuts)
				Expect(out.Explanation.Certified).To(Equal(search.Rechecked))
			}
			Expect(tried).To(BeNumerically(">", 15))
		})
	}
})
