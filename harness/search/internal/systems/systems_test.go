package systems_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/harness/search/internal/systems"
)

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
