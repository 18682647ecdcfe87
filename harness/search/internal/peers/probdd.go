package peers

import (
	"math"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// first is the chance that a destination is required, as both methods start with.
const first = 0.1

// ProbDD looks for a smallest list of destinations to allow by probabilistic delta
// debugging (Wang and others, 2021), and calls its members required. Each destination
// has a chance to be required. The method blocks, of those that are least likely required, as many as
// make the expected gain greatest. If the device fails, one of them is to blame, and Bayes'
// rule raises the chance of each.
func ProbDD(n int, fails func(search.Set) bool) []search.Set {
	chance := map[int]float64{}
	allowed := search.All(n)
	for x := range n {
		chance[x] = first
	}
	for {
		block := worthwhile(allowed.Members(), chance)
		if len(block) == 0 {
			return singles(allowed)
		}
		rest := allowed.Without(block...)
		if !fails(search.All(n).Minus(rest)) {
			allowed = rest
			continue
		}
		blameless := 1.0
		for _, x := range block {
			blameless *= 1 - chance[x]
		}
		for _, x := range block {
			if chance[x] /= 1 - blameless; len(block) == 1 {
				chance[x] = 1
			}
		}
	}
}

// worthwhile are the candidates whose blocking is expected to settle most: the number of
// them, times the chance that the device works without all of them.
func worthwhile(candidates []int, chance map[int]float64) (block []int) {
	slices.SortStableFunc(candidates, func(a, b int) int {
		switch {
		case chance[a] < chance[b]:
			return -1
		case chance[a] > chance[b]:
			return 1
		}
		return 0
	})
	works, most := 1.0, 0.0
	for i, x := range candidates {
		works *= 1 - chance[x]
		if gain := float64(i+1) * works; gain > most {
			most, block = gain, candidates[:i+1]
		}
	}
	return block
}

// CDD is counter-based delta debugging (Zhang and others, 2025): ProbDD with a fixed
// plan in place of the chances. In each round it tries to block one part of the list after the other,
// all of a size that depends on the number of the round alone.
func CDD(n int, fails func(search.Set) bool) []search.Set {
	allowed := search.All(n)
	for round := 0; ; round++ {
		size := partOf(round)
		list := allowed.Members()
		for part := range slices.Chunk(list, size) {
			if rest := allowed.Without(part...); !fails(search.All(n).Minus(rest)) {
				allowed = rest
			}
		}
		if size == 1 {
			return singles(allowed)
		}
	}
}

// partOf is the size of the parts in a round: what is best if each destination is required
// with a chance that grows by the factor 1/(1 - 1/e) from round to round.
func partOf(round int) int {
	chance := first * math.Pow(1/(1-1/math.E), float64(round))
	if chance >= 1 {
		return 1
	}
	return max(1, int(-1/math.Log(1-chance)))
}
