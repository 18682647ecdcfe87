package search_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("What is contacted only while others are blocked", func() {
	It("is explained right, whatever it has to do with them", func() {
		eachSystem(func(i int, system systems.System, options search.Options, random *rand.Rand) {
			options.Exact = true
			growing := system.Spares(random.IntN(5), random)
			out := growing.Run(options, true)
			Expect(system.Right(out.Explanation)).To(BeTrue(), "system %d: %v, %v", i, system, growing.After)
			Expect(out.Explanation.Certified).To(Equal("exact"))
		})
	})

	It("takes fewer trials", func() {
		family := systems.Family{N: 12, Singles: 1, Groups: []int{3}, Apart: true}
		told, untold := 0, 0
		for i := range 10 {
			random := rand.New(rand.NewPCG(50, uint64(i)))
			growing := family.Draw(random).Spares(2, random)
			told += growing.Run(search.Options{Exact: true}, true).Trials
			untold += growing.Run(search.Options{Exact: true}, false).Trials
		}
		Expect(told).To(BeNumerically("<", untold-20), "10 systems")
	})

	It("is explained right if what the device contacts has nothing to do with what is blocked", func() {
		for i := range 40 {
			random := rand.New(rand.NewPCG(51, uint64(i)))
			system := systems.Small(4+random.IntN(7), random)
			options := search.Options{Exact: true, Windows: []search.Window{{}}}
			var knowledge []search.Answer
			for {
				q, ok := search.Next(knowledge, system.Order(), nil, options)
				if !ok {
					break
				}
				knowledge = append(knowledge, answer(len(knowledge)+1, !system.Fails(q.Block), q.Block.Members()...))
				window := search.Window{Trial: len(knowledge), Blocked: q.Block}
				for x := range system.N {
					if random.IntN(3) == 0 {
						window.Contacted = window.Contacted.With(x)
					}
				}
				options.Windows = append(options.Windows, window)
			}
			e := search.Explain(knowledge, system.Order(), options)
			Expect(system.Right(e)).To(BeTrue(), "system %d: %v", i, system)
		}
	})
})
