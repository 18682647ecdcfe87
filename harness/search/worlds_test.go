package search_test

import (
	"math/bits"
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("The worlds drawn for a question", func() {
	DescribeTable("are as likely as they should be",
		func(knowledge ...search.Answer) {
			order := search.All(5).Members()
			drawn, exchanged := search.Drawn(knowledge, order), search.Exchanged(knowledge, order)
			for set, share := range search.Weighed(knowledge, order) {
				Expect(drawn[set]).To(BeNumerically("~", share, 0.12), "set %05b", set)
				Expect(exchanged[set]).To(BeNumerically("~", share, 0.12), "set %05b, several chains", set)
			}
		},
		Entry("at first", answer(1, false, 0, 1, 2, 3, 4)),
		Entry("after a pass", answer(1, false, 0, 1, 2, 3, 4), answer(2, true, 0, 1)),
		Entry("with a group", answer(1, false, 0, 1, 2, 3, 4), answer(2, true, 0, 1, 2), answer(3, true, 2, 3), answer(4, false, 0, 1, 2, 3)),
		Entry("with a required destination", answer(1, false, 0, 1, 2, 3, 4), answer(2, false, 3), answer(3, true, 0, 1)),
		Entry("with several of a group", answer(1, false, 0, 1), answer(2, false, 0, 2), answer(3, true, 0, 3, 4), answer(4, true, 1, 3, 4), answer(5, true, 2, 3, 4)),
		Entry("with a failing set that several of a group explain", answer(1, false, 0, 1, 2, 3), answer(2, true, 0, 4), answer(3, true, 1, 4), answer(4, false, 1, 2)),
		Entry("with a proven group", answer(1, false, 0, 1), answer(2, true, 0, 2), answer(3, true, 1), answer(4, false, 2, 3, 4)),
	)

	DescribeTable("save trials",
		func(family systems.Family, draws, saved int) {
			trials := map[bool]int{}
			for i := range draws {
				system := family.Draw(rand.New(rand.NewPCG(50, uint64(i))))
				for _, quick := range []bool{false, true} {
					out := systems.Experiment{System: system, Options: search.Options{Exact: true, Quick: quick}}.Run()
					Expect(system.Right(out.Explanation)).To(BeTrue(), "system %d: %v", i, system)
					trials[quick] += out.Trials
				}
			}
			AddReportEntry("trials, and by the rules alone", []int{trials[false], trials[true]})
			Expect(trials[true] - trials[false]).To(BeNumerically(">=", saved))
		},
		Entry("if one of eight is required", systems.Family{N: 8, Singles: 1}, 40, 15),
		Entry("in a group among seven", systems.Family{N: 7, Groups: []int{3}, Apart: true}, 20, 30),
		Entry("where destinations are required", systems.Family{N: 20, Singles: 3}, 40, 10),
		Entry("in a group that is spread", systems.Family{N: 20, Singles: 2, Groups: []int{4}, Apart: true}, 6, 6),
		Entry("in two groups among 60", systems.Family{N: 60, Singles: 2, Groups: []int{5, 2}, Apart: true}, 3, 6),
		Entry("if two of four are needed", systems.Family{N: 10, Singles: 1, Groups: []int{4}, Needed: 2, Apart: true}, 6, 0),
		Entry("in a group side by side", systems.Family{N: 20, Singles: 2, Groups: []int{4}}, 6, 12),
	)

	It("let a device with few destinations and a single false failure be wrong no more often", func() {
		stumbles, unnoticed := map[bool]int{}, map[bool]int{}
		for i := range 16 {
			random := rand.New(rand.NewPCG(9, uint64(i)))
			system, kinds := systems.Small(5+i%4, random), []int{}
			for x := range system.N {
				kinds = append(kinds, x*(1+i/4%2)/system.N) // of one kind, or of two
			}
			for _, quick := range []bool{false, true} {
				options := search.Options{Exact: true, Services: kinds, Audits: 3, Quick: quick}
				journal := stumbling(system, options, 0)
				for _, stumble := range journal {
					if !stumble.Passed {
						continue
					}
					stumbles[quick]++
					explained := search.Explain(stumbling(system, options, stumble.Trial), system.Order(), options)
					if explained.Contradiction == nil && !system.Right(explained) {
						unnoticed[quick]++
					}
				}
			}
		}
		AddReportEntry("stumbles, and wrong without a contradiction; with worlds and by the rules alone", []int{stumbles[false], unnoticed[false], stumbles[true], unnoticed[true]})
		Expect(unnoticed[false] * stumbles[true]).To(BeNumerically("<=", unnoticed[true]*stumbles[false]))
	})

	It("get no further needs if they begin with many", func() {
		var knowledge []search.Answer
		for i := range 14 { // none is proven to be a cut
			knowledge = append(knowledge, answer(i+1, false, 3*i, 3*i+1, 3*i+2))
		}
		knowledge = append(knowledge, answer(15, true, search.All(45).Minus(search.All(42)).Members()...))
		first, most := search.Needs(knowledge, search.All(45).Members())
		Expect(first).To(Equal(14))
		Expect(most).To(Equal(14))
	})

	It("explain just the sets that break their needs", func() {
		random := rand.New(rand.NewPCG(3, 0))
		found := 0
		for range 300 {
			sets := make([]uint64, random.IntN(150))
			for i := range sets {
				sets[i] = random.Uint64() | random.Uint64()
			}
			group := random.Uint64() & random.Uint64() & random.Uint64() & random.Uint64()
			for breaks := 1; breaks <= bits.OnesCount64(group); breaks++ {
				atOnce, oneByOne := search.Breaking(sets, group, breaks)
				Expect(atOnce).To(Equal(oneByOne), "%d of %x", breaks, group)
				found += len(atOnce)
			}
		}
		Expect(found).To(BeNumerically(">", 10_000))
	})

	It("give the same question for the same knowledge", func() {
		knowledge := []search.Answer{answer(1, false, search.All(20).Members()...), answer(2, true, 3, 4, 5)}
		first, _ := search.Next(knowledge, search.All(20).Members(), nil, search.Options{})
		for range 3 {
			again, _ := search.Next(knowledge, search.All(20).Members(), nil, search.Options{})
			Expect(again).To(Equal(first))
		}
		quick, _ := search.Next(knowledge, search.All(20).Members(), nil, search.Options{Quick: true})
		Expect(quick).NotTo(Equal(first))
	})
})

// stumbling is the journal of a system which one trial fails for no reason; 0 stands for none.
func stumbling(system systems.System, options search.Options, stumble int) (journal []search.Answer) {
	for {
		q, ok := search.NextOfAll([][]search.Answer{journal}, system.Order(), nil, options)
		if !ok {
			return journal
		}
		trial := len(journal) + 1
		journal = append(journal, answer(trial, !system.Fails(q.Block) && trial != stumble, q.Block.Members()...))
	}
}
