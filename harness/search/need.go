package search

import "math/bits"

// need is a group of destinations, some of which the device can do without: blocking so
// many of them breaks it. For a cut these are all of the group. Of four time servers, two of
// which are needed, they are three. Destinations are bits, of which bit i stands for the
// i-th destination of the [field].
type need struct {
	group  uint64
	breaks int // 1 or more
}

// cutOf is the need that only blocking all of these breaks.
func cutOf(members uint64) need { return need{members, bits.OnesCount64(members)} }

func (n need) broken(set uint64) bool { return bits.OnesCount64(n.group&set) >= n.breaks }

// counts reports whether several of the group are needed, so that it has several cuts.
func (n need) counts() bool { return n.breaks < bits.OnesCount64(n.group) }

// has reports whether a set is a cut of the need.
func (n need) has(cut uint64) bool { return cut&^n.group == 0 && bits.OnesCount64(cut) == n.breaks }

// nested reports whether a cut of one need contains a cut of another.
func nested(a, b need) bool {
	return bits.OnesCount64(a.group&b.group) >= min(a.breaks, b.breaks)
}

// world is what a device may need.
type world []need

func (w world) fails(set uint64) bool {
	for _, n := range w {
		if n.broken(set) {
			return true
		}
	}
	return false
}

// answer is what a trial of a set would show in a world, and whether it would be a proof:
// that a cut fails by itself, or that a maximal set passes.
func (w world) answer(set, all uint64) (fails, proves bool) {
	var alone uint64 // each of these breaks it if it is blocked, too
	for _, n := range w {
		switch blocked := bits.OnesCount64(n.group & set); {
		case blocked >= n.breaks:
			return true, n.has(set)
		case blocked == n.breaks-1:
			alone |= n.group &^ set
		}
	}
	return false, alone == all&^set
}

// nth is the n-th member, from 0 up.
func nth(b uint64, n int) uint64 {
	for range n {
		b &= b - 1
	}
	return b & -b
}
