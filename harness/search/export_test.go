package search

import "math/bits"

// Drawn is the share of the worlds drawn for a journal in which each set of some
// destinations fails, by the bits of the set.
func Drawn(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	return f.shares(f.worlds(), func(world) float64 { return 1 })
}

// Exchanged is the same of worlds that several chains draw together.
func Exchanged(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	return f.shares(f.tempered(), func(world) float64 { return 1 })
}

// Weighed is the same of all worlds that there are, each as heavy as it is likely.
func Weighed(knowledge []Answer, order []int) []float64 {
	f := newField(learn(knowledge, order, Options{}))
	var all []world
	var needs []need
	for group := uint64(1); group <= f.all; group++ {
		size := bits.OnesCount64(group)
		for breaks := min(size, 2); breaks <= size; breaks++ {
			needs = append(needs, need{group, breaks})
		}
	}
	var extend func(w world, next int)
	extend = func(w world, next int) {
		if f.sound(w) {
			all = append(all, append(append(world{}, w...), f.cuts...))
		}
		for i := next; i < len(needs); i++ {
			if f.clashes(w, -1, needs[i]) == 0 {
				extend(append(w, needs[i]), i+1)
			}
		}
	}
	extend(nil, 0)
	return f.shares(all, func(w world) float64 {
		weight := 1.0
		for i, n := range w[:len(w)-len(f.cuts)] {
			weight *= f.likelihood(w[:i], -1, n)
		}
		return weight
	})
}

func (f *field) shares(worlds []world, weight func(world) float64) []float64 {
	shares, sum := make([]float64, f.all+1), 0.0
	for _, w := range worlds {
		sum += weight(w)
		for set := range shares {
			if w.fails(uint64(set)) {
				shares[set] += weight(w)
			}
		}
	}
	for set := range shares {
		shares[set] /= sum
	}
	return shares
}
