package search

import "math/bits"

// What a device is thought to need before anything is known. A device with a group
// is common, one with three is rare; alternatives are often of one kind, or side by side.
var (
	requiredChance = []float64{0.2, 0.2, 0.2, 0.2, 0.1} // for 0, 1, … required destinations
	requiredMore   = 0.6                                // beyond that, each further one against one less
	groupsMean     = 0.7
	groupChance    = []float64{2: 0.24, 3: 0.23, 4: 0.22, 5: 0.2} // by size
	groupMore      = 0.5                                          // beyond that, each further member against one less
	sideBySide     = 0.2                                          // of the groups
	ofOneKind      = 0.4                                          // of the groups, if the kinds are known
	counted        = 0.03                                         // of the groups, if they have three members or more: several are needed
)

// likelihood is how much likelier a world is with a need in place of its i-th than
// without it.
func (f *field) likelihood(w world, i int, n need) float64 {
	if n.counts() {
		return f.counting(n)
	}
	if n.breaks > 1 {
		return f.expected(n.group, f.grouping(n.group, n.breaks))
	}
	others := f.required
	for j, other := range w {
		if j != i && other.group&(other.group-1) == 0 {
			others++
		}
	}
	more := requiredMore
	if others+1 < len(requiredChance) {
		more = requiredChance[others+1] / requiredChance[others]
	}
	return f.expected(n.group, more*float64(others+1)/float64(max(1, f.required+len(f.members)-others)))
}

// counting is the same of a group several of which are needed. It takes the place of the
// proven cuts that it explains.
func (f *field) counting(n need) float64 {
	size := bits.OnesCount64(n.group)
	chance := counted / float64(size-2) * f.grouping(n.group, size)
	for _, cut := range f.cuts {
		if n.has(cut.group) {
			chance /= f.grouping(cut.group, cut.breaks)
		}
	}
	return chance
}

// grouping is how likely there is a group of alternatives with just these members: of any, of
// one kind, or side by side.
func (f *field) grouping(members uint64, size int) float64 {
	chance := groupsMean * groupChance[min(size, len(groupChance)-1)]
	for range size - (len(groupChance) - 1) {
		chance *= groupMore
	}
	n := len(f.members)
	alike, anywhere := 0.0, 1-sideBySide
	if len(f.kinds) > 1 {
		anywhere -= ofOneKind
		for _, kind := range f.kinds {
			if members&^kind == 0 {
				alike = ofOneKind / float64(len(f.kinds)) / choose(bits.OnesCount64(kind), size)
			}
		}
	}
	near := sideBySide / float64(n)
	for range size - 1 {
		near *= 0.8
	}
	for range bits.Len64(members) - bits.TrailingZeros64(members) - size {
		near *= 0.2
	}
	return chance * (float64(anywhere/choose(n, size)) + alike + near)
}

// choose is the number of sets of so many members.
func choose(n, size int) float64 {
	sets := 1.0
	for i := range size {
		sets *= float64(n-i) / float64(i+1)
	}
	return sets
}
