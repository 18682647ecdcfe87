package search

import "math/bits"

// holders are up to 64 sets, by destination: bit i of a destination's word is set if the i-th
// set has it. So one pass over the members of a need finds all the sets that break it.
type holders [widest]uint64

// holding splits sets into holders, 64 sets in each.
func holding(sets []uint64) []holders {
	all := make([]holders, (len(sets)+63)/64)
	for i, set := range sets {
		for ; set != 0; set &= set - 1 {
			all[i/64][bits.TrailingZeros64(set)] |= 1 << (i % 64)
		}
	}
	return all
}

// breaking are the sets that break a need, as bits.
func (h *holders) breaking(n need) uint64 {
	if n.counts() {
		return h.having(n.group, n.breaks)
	}
	all := ^uint64(0)
	for group := n.group; group != 0; group &= group - 1 {
		all &= h[bits.TrailingZeros64(group)]
	}
	return all
}

// having are the sets with so many members of a group, 1 or more, or with more of them.
func (h *holders) having(group uint64, members int) uint64 {
	var with [widest + 1]uint64 // the sets with so many of the members that were counted, or more
	with[0] = ^uint64(0)
	for ; group != 0; group &= group - 1 {
		has := h[bits.TrailingZeros64(group)]
		for n := members; n > 0; n-- {
			with[n] |= with[n-1] & has
		}
	}
	return with[members]
}
