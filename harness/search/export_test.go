package search

import "math/bits"

// Drawn is the share of the worlds drawn for a journal in which each set of some
// destinations fails, by the bits of the set.
func Drawn(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	return f.shares(f.worlds(), func(int) float64 { return 1 })
}

// Exchanged is the same of worlds that several chains draw together.
func Exchanged(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	return f.shares(f.tempered(), func(int) float64 { return 1 })
}

// Weighed is the same of all worlds that there are, each as heavy as it is likely.
func Weighed(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	var all []world
	var weights []float64
	var needs []candidate
	for group := uint64(1); group <= f.all; group++ {
		size := bits.OnesCount64(group)
		for breaks := min(size, 2); breaks <= size; breaks++ {
			needs = append(needs, f.candidate(need{group, breaks}))
		}
	}
	var extend func(w draft, weight float64, next int)
	extend = func(w draft, weight float64, next int) {
		f.settle(&w)
		if all = f.keep(all, &w); len(all) > len(weights) {
			weights = append(weights, weight)
		}
		for i := next; i < len(needs); i++ {
			if w.clashes(-1, needs[i]) == 0 {
				extend(draft{needs: append(w.needs, part{candidate: needs[i]})}, weight*f.likelihood(&w, -1, needs[i].need), i+1)
			}
		}
	}
	extend(draft{}, 1, 0)
	return f.shares(all, func(i int) float64 { return weights[i] })
}

// Needs counts the needs of the world in which a chain begins, and the most that a later one has.
func Needs(knowledge []Answer, order []int) (first, most int) {
	f := newField(learn(knowledge, order, Options{}))
	f.penalty = penaltyOf(penalties[0])
	w := f.start()
	first = len(w.needs)
	for range warmUp {
		f.walk(&w, 1)
		most = max(most, len(w.needs))
	}
	return first, most
}

// Breaking are the positions of the sets that break a need, found all at once and one by one.
func Breaking(sets []uint64, group uint64, breaks int) (atOnce, oneByOne []int) {
	n := need{group, breaks}
	for i, h := range holding(sets) {
		for found := h.breaking(n); found != 0; found &= found - 1 {
			atOnce = append(atOnce, 64*i+bits.TrailingZeros64(found))
		}
	}
	for i, set := range sets {
		if n.broken(set) {
			oneByOne = append(oneByOne, i)
		}
	}
	return atOnce, oneByOne
}

func (f *field) shares(worlds []world, weight func(i int) float64) []float64 {
	shares, sum := make([]float64, f.all+1), 0.0
	for i, w := range worlds {
		sum += weight(i)
		for set := range shares {
			if w.fails(uint64(set)) {
				shares[set] += weight(i)
			}
		}
	}
	for set := range shares {
		shares[set] /= sum
	}
	return shares
}
