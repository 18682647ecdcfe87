package search_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("the cuts of other columns", func() {
	family := systems.Family{N: 12, Singles: 2, Groups: []int{3}}
	exact := search.Options{Exact: true}

	It("make a search shorter that comes to the same", func() {
		guided, plain := 0, 0
		for seed := range uint64(5) {
			system := family.Draw(rand.New(rand.NewPCG(81, seed)))
			asked, explained := systems.Questions(system, system, true, exact)
			Expect(system.Right(explained)).To(BeTrue())
			guided += asked
			plain += systems.Experiment{System: system, Options: exact}.Run().Trials
		}
		Expect(2 * guided).To(BeNumerically("<", plain+guided/2))
	})

	It("mislead no search", func() {
		for i, how := range systems.Changes() {
			system := family.Draw(rand.New(rand.NewPCG(82, uint64(i))))
			other, _ := system.Change(how, rand.New(rand.NewPCG(83, uint64(i))))
			_, explained := systems.Questions(systems.System{N: 12, Cuts: within(other.Cuts, 12)}, system, true, exact)
			Expect(system.Right(explained)).To(BeTrue(), how)
		}
		few := systems.System{N: 4, Cuts: []search.Set{search.Of(0), search.Of(1, 2)}}
		_, explained := systems.Questions(systems.System{N: 4, Cuts: []search.Set{search.Of(3)}}, few, true, exact)
		Expect(few.Right(explained)).To(BeTrue())
	})
})

// within are the cuts of the first n destinations.
func within(cuts []search.Set, n int) (some []search.Set) {
	for _, cut := range cuts {
		if cut.SubsetOf(search.All(n)) {
			some = append(some, cut)
		}
	}
	return some
}
