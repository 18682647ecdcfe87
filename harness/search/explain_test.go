package search_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
)

var _ = Describe("An explanation", func() {
	order := search.All(4).Members()

	It("of nothing leaves everything undecided", func() {
		e := search.Explain(nil, order, search.Options{})
		Expect(e.Undecided).To(Equal(search.All(4)))
		Expect(e.Certified).To(Equal("none"))
		Expect(e.Open).To(ConsistOf(search.Open{Why: search.OpenSuspects, Sets: []search.Set{search.All(4)}}))
	})

	It("of no destinations asks nothing, and certifies nothing", func() {
		_, ok := search.Next(nil, nil, nil, search.Options{})
		Expect(ok).To(BeFalse())
		Expect(search.Explain(nil, nil, search.Options{})).To(HaveField("Certified", "none"))
	})

	It("learns from a failure what was touched, and from a pass what was blocked", func() {
		failed := answer(1, false, 0, 1, 2, 3)
		failed.Touched = search.Of(2)
		passed := answer(2, true, 0, 1, 3)
		passed.Touched, passed.Attempted = search.Set{}, search.Of(0)
		e := search.Explain([]search.Answer{failed, passed}, order, search.Options{Exact: true})
		Expect(e.Cuts).To(HaveLen(1))
		Expect(e.Cuts[0].Members).To(Equal(search.Of(2)))
		Expect(e.Cuts[0].Trials).To(Equal([]int{1}))
		Expect(e.Optional).To(Equal(search.Of(0)))
		Expect(e.NotExercised).To(Equal(search.Of(1, 3)))
		Expect(e.Attempted[0]).To(Equal([]int{2}))
		Expect(e.SafeTrial).To(Equal(2))
	})

	It("takes a failure in which nothing was touched for one of all that was blocked", func() {
		failed := answer(1, false, 0, 1)
		failed.Touched = search.Set{}
		e := search.Explain([]search.Answer{failed}, order, search.Options{})
		Expect(e.Open).To(ContainElement(search.Open{Why: search.OpenFailing, Sets: []search.Set{search.Of(0, 1)}}))
	})

	It("does not take controls for trials", func() {
		q, _ := search.Next([]search.Answer{answer(1, true), answer(2, false)}, order, nil, search.Options{})
		Expect(q.Reason).To(Equal(search.Everything))
	})

	It("calls the same set with two answers unsettled", func() {
		knowledge := []search.Answer{answer(1, true, 0, 1, 2, 3), answer(2, false, 0, 1, 2, 3)}
		e := search.Explain(knowledge, order, search.Options{})
		Expect(e.Open[0].Why).To(Equal(search.OpenUnsettled))
		Expect(e.Undecided).To(Equal(search.All(4)))
		Expect(e.Safe.IsEmpty()).To(BeTrue())
	})

	It("grows more confident with every answer that agrees", func() {
		options := search.Options{MaxNoise: 0.1}
		var knowledge []search.Answer
		before := 0.0
		for trial := range 4 {
			knowledge = append(knowledge, answer(trial+1, false, 2))
			now := search.Explain(knowledge, order, options).Confidence(2)
			Expect(now).To(BeNumerically(">", before))
			before = now
		}
		Expect(before).To(BeNumerically(">", 0.999))
		Expect(search.Explain(knowledge, order, options).Confidence(1)).To(BeZero())
		Expect(search.Explain(knowledge[:1], order, search.Options{}).Confidence(2)).To(Equal(1.0))
	})

	It("asks once more for what several cuts rest on, since one false pass makes them all", func() {
		options := search.Options{MaxNoise: 0.1, Exact: true}
		var knowledge []search.Answer
		for range 3 {
			for partner := 1; partner <= 3; partner++ {
				knowledge = append(knowledge, answer(len(knowledge)+1, false, 0, partner))
			}
		}
		for range 2 {
			knowledge = append(knowledge, answer(len(knowledge)+1, true, 0), answer(len(knowledge)+2, true, 1, 2, 3))
		}
		q, ok := search.Next(knowledge, search.All(4).Members(), nil, options)
		Expect(ok).To(BeTrue())
		Expect(q.Block).To(Equal(search.Of(0)))
		knowledge = append(knowledge, answer(len(knowledge)+1, true, 0))
		_, ok = search.Next(knowledge, search.All(4).Members(), nil, options)
		Expect(ok).To(BeFalse())
	})

	DescribeTable("learns the share of false failures from the controls",
		func(controls, failed int, expected float64) {
			Expect(search.LearnFalseFail(controls, failed)).To(BeNumerically("~", expected, 1e-9))
		},
		Entry("none at all", 0, 0, 0.05),
		Entry("never under a floor", 100, 0, 0.05),
		Entry("more with each failure", 20, 3, 0.1),
		Entry("mostly what was seen, in the end", 980, 199, 0.2),
	)
})

var _ = Describe("Several columns", func() {
	order := search.All(5).Members()

	It("have as their joint safe list the largest set that is safe for each", func() {
		first := search.Explain([]search.Answer{answer(1, true, 0, 1, 2), answer(2, true, 2, 3, 4)}, order, search.Options{})
		second := search.Explain([]search.Answer{answer(1, true, 0, 3, 4), answer(2, true, 1)}, order, search.Options{})
		Expect(search.JointSafe(first, second)).To(Equal(search.Of(3, 4)))
		Expect(search.JointSafe()).To(Equal(search.Set{}))
	})

	It("end with a trial of the joint safe list, however the controls fall", func() {
		needs := map[int]int{0: 1, 1: 3} // column: destination
		columns := make([][]search.Answer, 2)
		asked := 0
		for trial := 1; trial < 60; trial += 2 {
			q, ok := search.NextOfAll(columns, order, nil, search.Options{Exact: true})
			if !ok {
				break
			}
			asked++
			for c := range columns {
				columns[c] = append(columns[c],
					answer(trial, !q.Block.Has(needs[c]), q.Block.Members()...),
					answer(trial+1, true))
			}
		}
		last := columns[0][len(columns[0])-2]
		Expect(last.Blocked).To(Equal(search.Of(0, 2, 4)))
		Expect(asked).To(BeNumerically("<", 12))
	})

	It("end with the safe list of all columns, also of those that other trials decided", func() {
		group := search.Of(0, 1, 2)
		play := func(options search.Options) []search.Answer {
			var column []search.Answer
			for trial := 1; trial < 60; trial++ {
				q, ok := search.NextOfAll([][]search.Answer{column}, order, nil, options)
				if !ok {
					break
				}
				column = append(column, answer(trial, !group.SubsetOf(q.Block), q.Block.Members()...))
			}
			return column
		}
		for keep := range 3 { // the earlier column recommends to leave this one open
			safe := search.All(5).Without(keep)
			earlier := search.Explain([]search.Answer{answer(1, false, order...), answer(2, true, safe.Members()...)}, order, search.Options{})
			column := play(search.Options{Exact: true, Earlier: func() []search.Explanation { return []search.Explanation{earlier} }})
			Expect(column[len(column)-1].Blocked).To(Equal(safe))
			Expect(search.JointSafe(search.Explain(column, order, search.Options{Exact: true}), earlier)).To(Equal(safe))
		}
	})

	It("keep their safe list if another one of that size passes again, only to compare devices", func() {
		column := []search.Answer{answer(1, false, order...), answer(2, true, 0, 1, 2, 3), answer(3, true, 1, 2, 3, 4), answer(4, true, 0, 1, 2, 3)}
		Expect(search.JointSafe(search.Explain(column, order, search.Options{}))).To(Equal(search.Of(0, 1, 2, 3)))
		column[3].Again = true
		Expect(search.JointSafe(search.Explain(column, order, search.Options{}))).To(Equal(search.Of(1, 2, 3, 4)))
	})

	It("have a joint safe list of what was tried, even if a larger set passed", func() {
		column := []search.Answer{
			{Trial: 1, Blocked: search.Of(0, 1, 2), Touched: search.Of(0, 1, 2), Attempted: search.Of(0, 1), Passed: true},
			{Trial: 2, Blocked: search.Of(1, 3, 4), Touched: search.Of(1, 3, 4), Attempted: search.Of(1, 3, 4), Passed: true},
		}
		Expect(search.JointSafe(search.Explain(column, order, search.Options{}))).To(Equal(search.Of(1, 3, 4)))
	})

	It("ask again for a joint safe list that failed in one of them, until it is beyond doubt", func() {
		options := search.Options{MaxNoise: 0.1}
		column := []search.Answer{answer(1, true, order...), answer(2, true, order...), answer(3, false, order...)}
		q, ok := search.NextOfAll([][]search.Answer{column}, order, nil, options)
		Expect(ok).To(BeTrue())
		Expect(q.Block).To(Equal(search.All(5)))
	})
})
