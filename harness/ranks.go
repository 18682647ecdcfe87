package harness

import (
	"math"
	"slices"
)

// exactUpTo is the number of values up to which the rank test counts every
// possibility. With more, the normal distribution comes to the same.
const exactUpTo = 60

// rankTest is Wilcoxon's rank-sum test, one-sided: how likely it is, from 0 to 1,
// that the values of the first group rank as high as they do, or higher, if it
// makes no difference which group a value is in. Equal values share a rank.
func rankTest(high, rest []float64) float64 {
	ranks := doubledRanks(slices.Concat(high, rest))
	sum := 0
	for _, rank := range ranks[:len(high)] {
		sum += rank
	}
	if len(ranks) > exactUpTo {
		return approximateRankTest(ranks, len(high), sum)
	}
	return exactRankTest(ranks, len(high), sum)
}

// doubledRanks are the ranks of values, from 2 for the lowest, twice as large as
// usual so that the shared ranks are whole numbers too.
func doubledRanks(values []float64) []int {
	sorted := slices.Sorted(slices.Values(values))
	ranks := make([]int, len(values))
	for i, value := range values {
		first, _ := slices.BinarySearch(sorted, value)
		last := first
		for last < len(sorted) && sorted[last] == value {
			last++
		}
		ranks[i] = first + 1 + last
	}
	return ranks
}

// exactRankTest counts the choices of so many ranks that come to at least sum.
func exactRankTest(ranks []int, chosen, sum int) float64 {
	most := 0
	for _, rank := range ranks {
		most += rank
	}
	ways := make([][]float64, chosen+1) // by how many are chosen, and what they come to
	for i := range ways {
		ways[i] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, rank := range ranks {
		for count := chosen; count > 0; count-- {
			for total := most; total >= rank; total-- {
				ways[count][total] += ways[count-1][total-rank]
			}
		}
	}
	var extreme, all float64
	for total, count := range ways[chosen] {
		all += count
		if total >= sum {
			extreme += count
		}
	}
	return extreme / all
}

// approximateRankTest takes the sum of many ranks as normally distributed.
func approximateRankTest(ranks []int, chosen, sum int) float64 {
	n, k := float64(len(ranks)), float64(chosen)
	var squares float64
	for _, rank := range ranks {
		squares += math.Pow(float64(rank)-(n+1), 2) // n+1 is the mean of doubled ranks
	}
	variance := k * (n - k) / (n * (n - 1)) * squares
	if variance == 0 {
		return 1
	}
	return math.Erfc((float64(sum)-1-k*(n+1))/math.Sqrt(2*variance)) / 2
}

// median is the middle value, or the mean of the two in the middle. There must
// be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
