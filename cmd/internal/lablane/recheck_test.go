package lablane_test

import (
	"maps"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/harness/search"
	"github.com/needwant/needwant/netns/lab"
	"github.com/needwant/needwant/netns/lab/labtest"
)

// hypothesis is what an experiment finds of a world's column, over the destinations in the
// order of their ids, and with what no trial can try while both columns work.
func hypothesis(world lab.World, scenario string) (h search.Hypothesis, ids []string, ok bool) {
	expected, err := labtest.Expect(world, scenario, labtest.Steady)
	if err != nil || !expected.Monotone {
		return h, nil, false
	}
	ids = slices.Sorted(maps.Keys(expected.Verdicts))
	for _, cut := range expected.Cuts {
		var members []int
		for _, id := range cut {
			members = append(members, slices.Index(ids, id))
		}
		h.Cuts = append(h.Cuts, search.Of(members...))
	}
	for i, id := range ids {
		switch expected.Verdicts[id] {
		case "optional", "degraded":
			h.Optional = h.Optional.With(i)
		case "not-exercised":
			h.Untried = h.Untried.With(i)
		}
	}
	return h, ids, true
}

var _ = Describe("a known matrix of a world of the library", func() {
	It("is tested again in a trial for each need and two more", func() {
		rechecked := 0
		for _, world := range lab.Library() {
			var columns [][]search.Answer
			var known []*search.Hypothesis
			var order []int
			cuts := 0
			for _, scenario := range world.Scenarios {
				h, ids, ok := hypothesis(world, scenario)
				if !ok {
					known = nil
					break
				}
				known, columns, order = append(known, &h), append(columns, nil), search.All(len(ids)).Members()
				cuts += len(h.Cuts)
			}
			if known == nil {
				continue
			}
			rechecked++
			options := search.Options{Exact: true, Known: known}
			trials := 0
			for ; trials <= cuts+2; trials++ {
				q, ok := search.NextOfAll(columns, order, nil, options)
				if !ok {
					break
				}
				for i, h := range known {
					fails := slices.ContainsFunc(h.Cuts, func(k search.Set) bool { return k.SubsetOf(q.Block) })
					columns[i] = append(columns[i], search.Answer{Trial: trials + 1, Blocked: q.Block, Touched: q.Block, Attempted: q.Block, Passed: !fails})
				}
			}
			Expect(trials).To(BeNumerically("<=", cuts+2), world.Name)
			for i, h := range known {
				own := options
				own.Known = known[i : i+1]
				e := search.Explain(columns[i], order, own)
				Expect(e.Undecided.IsEmpty()).To(BeTrue(), world.Name)
				Expect(e.Cuts).To(HaveLen(len(h.Cuts)), world.Name)
			}
		}
		Expect(rechecked).To(BeNumerically(">", 15))
	})
})
