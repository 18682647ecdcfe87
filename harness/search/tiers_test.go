package search_test

import (
	"math/rand/v2"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("A search by cost", func() {
	// Destinations 0 and 2 are contacted all the time, the others after an hour or more.
	options := search.Options{Hold: []float64{10, 3600, 30, 7200, 43200}, Audits: 3}
	order := []int{4, 3, 2, 1, 0}

	DescribeTable("has tiers, each with those before it",
		func(hold []float64, tiers ...[]int) {
			Expect(search.Tiers([]int{4, 3, 2, 1, 0}, search.Options{Hold: hold})).To(Equal(tiers))
		},
		Entry("one without holds", nil, []int{4, 3, 2, 1, 0}),
		Entry("one if all are alike", []float64{1, 1, 1, 1, 1}, []int{4, 3, 2, 1, 0}),
		Entry("of what is about as fast", []float64{10, 3600, 30, 7200, 864000}, []int{2, 0}, []int{3, 2, 1, 0}, []int{4, 3, 2, 1, 0}),
		Entry("with unknown ones first", []float64{10, 3600}, []int{4, 3, 2}, []int{4, 3, 2, 0}, []int{4, 3, 2, 1, 0}),
	)

	fast := []search.Answer{answer(1, false, 0, 2), answer(2, false, 0), answer(3, true, 2)}

	It("decides the fast destinations first, then blocks what is safe with the whole next tier", func() {
		q, ok := search.Next(nil, order, nil, options)
		Expect(ok).To(BeTrue())
		Expect(q.Block).To(Equal(search.Of(0, 2)))

		plain := options
		plain.Audits = 0
		q, _ = search.NextOfAll([][]search.Answer{fast}, order, nil, plain)
		Expect(q.Block).To(Equal(search.Of(1, 2, 3, 4)))
		Expect(q.Last).To(BeTrue(), "if it passes, it is the safe list")
	})

	It("audits each tier before the last trial, which is the safe list", func() {
		knowledge := slices.Clone(fast)
		var asked []search.Set
		for {
			q, ok := search.NextOfAll([][]search.Answer{knowledge}, order, nil, options)
			if !ok {
				break
			}
			Expect(q.Last).To(Equal(q.Block.Equal(search.Of(1, 2, 3, 4))))
			asked = append(asked, q.Block)
			knowledge = append(knowledge, answer(len(knowledge)+1, true, q.Block.Members()...))
		}
		Expect(asked).To(Equal([]search.Set{search.Of(1, 3, 4), search.Of(1, 2, 3, 4)}))
	})

	It("finds in an audit that blocking the slow ones with the rest repairs the device", func() {
		knowledge := slices.Clone(fast)
		for {
			q, ok := search.NextOfAll([][]search.Answer{knowledge}, order, nil, options)
			if !ok {
				break
			}
			repaired := q.Block.Has(2) && q.Block.Has(4)
			knowledge = append(knowledge, answer(len(knowledge)+1, repaired || !q.Block.Has(4), q.Block.Members()...))
		}
		e := search.Explain(knowledge, order, options)
		Expect(e.Optional.Has(4)).To(BeFalse())
	})

	It("looks further only at what had been tried when a hold failed", func() {
		failed := answer(4, false, 1, 2, 3, 4)
		failed.Touched = search.Of(1, 2)
		knowledge := append(slices.Clone(fast), failed)
		q, _ := search.Next(knowledge, order, nil, options)
		Expect(q.Block).To(Equal(search.Of(1)))
		q, _ = search.Next(append(knowledge, answer(5, false, 1)), order, nil, options)
		Expect(q.Block).To(Equal(search.Of(2, 3, 4)), "the rest in one hold")
	})

	It("decides real devices rightly, most of them within three of their longest periods", func() {
		var periods, without []float64
		for d, device := range systems.Devices() {
			for seed := range uint64(2) {
				clock := systems.NewClock(device, rand.New(rand.NewPCG(seed, uint64(d))))
				p := clock.Search(true)
				Expect(p.Wrong).To(BeFalse(), "%s, seed %d: %v", device.Name, seed, clock.Cuts)
				periods = append(periods, p.End()/slices.Max(clock.Periods))
				without = append(without, clock.Search(false).End()/slices.Max(clock.Periods))
			}
		}
		slices.Sort(periods)
		slices.Sort(without)
		Expect(periods).To(HaveLen(50))
		Expect(periods[25]).To(BeNumerically("<=", 3))
		Expect(periods[25]).To(BeNumerically("<", without[25]))
	})
})

var _ = Describe("What a journal says of a tier", func() {
	It("is the part of a pass in it, and a failure that lies in it", func() {
		late := answer(3, false, 0, 5)
		late.Touched = search.Of(0)
		narrow := search.Within([]search.Answer{answer(1, true, 0, 1, 5), answer(2, false, 1, 5), late}, []int{0, 1})
		Expect(narrow).To(HaveLen(2))
		Expect(narrow[0].Blocked).To(Equal(search.Of(0, 1)))
		Expect(narrow[1].Blocked).To(Equal(search.Of(0)))
	})
})
