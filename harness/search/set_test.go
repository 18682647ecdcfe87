package search_test

import (
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
)

var _ = Describe("A set", func() {
	It("is written as its members", func() {
		Expect(search.Of(5, 0, 3).String()).To(Equal("{0 3 5}"))
		Expect(search.Set{}.String()).To(Equal("{}"))
		Expect(search.All(3)).To(Equal(search.Of(0, 1, 2)))
		Expect(search.All(64).Members()).To(HaveLen(64))
	})

	It("is the same value however it came about", func() {
		Expect(search.Of(1, 200).Without(200)).To(Equal(search.Of(1)))
		Expect(search.Of(200).Minus(search.Of(200))).To(Equal(search.Set{}))
		Expect(search.Of(1, 100).Intersect(search.Of(1, 200))).To(Equal(search.Of(1)))
	})

	It("is ordered by size, then by members", func() {
		Expect(search.Of(9).Compare(search.Of(0, 1))).To(Equal(-1))
		Expect(search.Of(0, 2).Compare(search.Of(0, 1))).To(Equal(1))
		Expect(search.Of(0, 2).Compare(search.Of(2, 0))).To(Equal(0))
	})

	It("agrees with a map of its members", func() {
		random := rand.New(rand.NewPCG(1, 1))
		for range 500 {
			a, inA := drawSet(random)
			b, inB := drawSet(random)
			subset, meet, size := true, false, 0
			for x := range 150 {
				Expect(a.Has(x)).To(Equal(inA[x]))
				Expect(a.Union(b).Has(x)).To(Equal(inA[x] || inB[x]))
				Expect(a.Intersect(b).Has(x)).To(Equal(inA[x] && inB[x]))
				Expect(a.Minus(b).Has(x)).To(Equal(inA[x] && !inB[x]))
				Expect(a.With(x).Has(x)).To(BeTrue())
				Expect(a.Without(x).Has(x)).To(BeFalse())
				subset = subset && (!inA[x] || inB[x])
				meet = meet || inA[x] && inB[x]
				if inA[x] {
					size++
				}
			}
			Expect(a.SubsetOf(b)).To(Equal(subset))
			Expect(a.Intersects(b)).To(Equal(meet))
			Expect(a.Len()).To(Equal(size))
			Expect(a.IsEmpty()).To(Equal(size == 0))
			Expect(search.Of(a.Members()...)).To(Equal(a))
			Expect(a.Equal(b)).To(Equal(subset && a.Len() == b.Len()))
		}
	})
})

// drawSet draws a sparse set and the map that it must agree with.
func drawSet(random *rand.Rand) (search.Set, map[int]bool) {
	members := map[int]bool{}
	var set search.Set
	for range random.IntN(6) {
		x := random.IntN(150)
		members[x] = true
		set = set.With(x)
	}
	return set, members
}
