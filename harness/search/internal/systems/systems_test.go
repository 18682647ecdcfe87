package systems_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

var _ = Describe("A formula", func() {
	DescribeTable("has the cuts that make it false",
		func(formula string, cuts ...search.Set) {
			names := systems.Names{"a", "b", "c", "d"}
			Expect(systems.Parse(formula, &names)).To(ConsistOf(cuts))
		},
		Entry(nil, "a", search.Of(0)),
		Entry(nil, "a && (b || c)", search.Of(0), search.Of(1, 2)),
		Entry(nil, "a && b || c", search.Of(0, 2), search.Of(1, 2)),
		Entry("without what contains another", "a && (a || b)", search.Of(0)),
		Entry("without repeats", "(a || b) && (b || a) && c", search.Of(0, 1), search.Of(2)),
		Entry(nil, "(a && b) || (c && d)", search.Of(0, 2), search.Of(0, 3), search.Of(1, 2), search.Of(1, 3)),
	)

	It("that always holds has none", func() {
		Expect(systems.Parse("true", &systems.Names{})).To(BeEmpty())
		Expect(systems.Parse("true || a", &systems.Names{})).To(BeEmpty())
	})

	DescribeTable("that cannot be read is refused",
		func(formula string) {
			_, err := systems.Parse(formula, &systems.Names{})
			Expect(err).To(MatchError(ContainSubstring(formula)))
		},
		Entry("half of one", "a &&"),
		Entry("not", "!a"),
		Entry("a sum", "a + b"),
		Entry("below an or", "a || f(b)"),
		Entry("below an and", "3 && b"),
	)
})

var _ = Describe("A random system", func() {
	It("has cuts of which none contains another, within its size", func() {
		sizes := map[int]bool{}
		for i := range 2000 {
			system := systems.Random(rand.New(rand.NewPCG(3, uint64(i))))
			sizes[system.N] = true
			for a, cut := range system.Cuts {
				Expect(cut.SubsetOf(search.All(system.N))).To(BeTrue())
				for b, other := range system.Cuts {
					Expect(a != b && other.SubsetOf(cut)).To(BeFalse())
				}
			}
		}
		Expect(sizes).To(HaveLen(26), "5 to 30 destinations")
	})

	It("of a family has its groups, apart or side by side", func() {
		for i := range 200 {
			random := rand.New(rand.NewPCG(4, uint64(i)))
			system := systems.Family{N: 12, Singles: 2, Groups: []int{4}}.Draw(random)
			Expect(system.Cuts).To(HaveLen(3))
			Expect(system.Cuts[0].Len()).To(Equal(4))
			members := system.Cuts[0].Members()
			Expect(members[3] - members[0]).To(Equal(3))
			Expect(system.Cuts[1].Union(system.Cuts[2]).Intersects(system.Cuts[0])).To(BeFalse())
		}
	})
})
