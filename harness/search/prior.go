package search

import "math/bits"

// prior is what a device is thought to need before anything is known. A device with a group
// is common, one with three is rare. Alternatives are often of one kind, or side by side.
type prior struct {
	required []float64 // the chances of 0, 1, … required destinations
	groups   float64   // the mean number of groups
	sizes    []float64 // the chances of groups, by size
	whole    float64   // the chance that some group is all of a kind, if the kinds are known
	proof    float64   // of a trial is saved by a question that is one of the proofs in the end
	rounds   int       // in which several chains take turns
}

// A device with less than so many destinations needs less, and in smaller groups.
const fewest = 9

var (
	few = prior{
		required: []float64{0.2, 0.3, 0.2, 0.15, 0.08},
		groups:   0.7, sizes: []float64{2: 0.40, 3: 0.24, 4: 0.16, 5: 0.12}, whole: 0.3, proof: 0.2, rounds: 500,
	}
	many = prior{
		required: []float64{0.2, 0.2, 0.2, 0.2, 0.1},
		groups:   0.7, sizes: []float64{2: 0.24, 3: 0.23, 4: 0.22, 5: 0.2}, proof: 0.4, rounds: 2000,
	}
)

const (
	requiredMore = 0.6  // beyond those listed, each further one against one less
	groupMore    = 0.5  // beyond those listed, each further member against one less
	sideBySide   = 0.2  // of the groups
	ofOneKind    = 0.4  // of the groups, if the kinds are known
	counted      = 0.03 // of the groups, if they have three members or more: several are needed
)

// likelihood is how much likelier a world is with a need in place of its i-th than
// without it.
func (f *field) likelihood(w draft, i int, n need) float64 {
	if n.counts() {
		return f.counting(n)
	}
	if n.breaks > 1 {
		return f.expected(n.group, f.grouping(n.group)*f.appears(n.group))
	}
	others := f.found
	for j, other := range w {
		if j != i && other.group&(other.group-1) == 0 {
			others++
		}
	}
	more := requiredMore
	if chances := f.required; others+1 < len(chances) {
		more = chances[others+1] / chances[others]
	}
	usual := more * float64(others+1) / float64(max(1, f.found+len(f.members)-others))
	return f.expected(n.group, float64(usual*f.appears(n.group)))
}

// counting is the same of a group several of which are needed. It takes the place of the
// proven cuts that it explains.
func (f *field) counting(n need) float64 {
	size := bits.OnesCount64(n.group)
	chance := counted / float64(size-2) * f.grouping(n.group)
	for _, cut := range f.cuts {
		if n.has(cut.group) {
			chance /= f.grouping(cut.group)
		}
	}
	return chance
}

// odds are how likely groups are, by size, so that each is worked out once for a field.
type odds struct {
	anywhere, near []float64   // with any members, and side by side
	gaps           []float64   // what so many others between the members make of near
	alike          [][]float64 // for each kind, with its destinations only
}

// odds are those of the field, whose members and kinds are known.
func (f *field) odds() (o odds) {
	n, anywhere := len(f.members), 1-sideBySide
	if len(f.kinds) > 1 {
		anywhere -= ofOneKind
	}
	o.alike = make([][]float64, len(f.kinds))
	near, gap := sideBySide/float64(n), 1.0
	for size := range n + 1 {
		chance := f.groups * f.sizes[min(size, len(f.sizes)-1)]
		for range size - (len(f.sizes) - 1) {
			chance *= groupMore
		}
		if size > 1 {
			near *= 0.8
		}
		o.anywhere = append(o.anywhere, chance*anywhere/choose(n, size))
		o.near = append(o.near, chance*near)
		o.gaps = append(o.gaps, gap)
		gap *= 0.2
		for i, kind := range f.kinds {
			alike := 0.0
			if of := bits.OnesCount64(kind); len(f.kinds) > 1 && size <= of {
				alike = chance * ofOneKind / float64(len(f.kinds)) / choose(of, size)
				if size == of {
					alike += f.whole / float64(len(f.kinds))
				}
			}
			o.alike[i] = append(o.alike[i], alike)
		}
	}
	return o
}

// grouping is how likely there is a group of alternatives with just these members: of any, of
// one kind, or side by side.
func (f *field) grouping(members uint64) float64 {
	size := bits.OnesCount64(members)
	gaps := bits.Len64(members) - bits.TrailingZeros64(members) - size
	chance := f.grouped.anywhere[size] + float64(f.grouped.near[size]*f.grouped.gaps[gaps])
	for i, kind := range f.kinds {
		if members&^kind == 0 {
			chance += f.grouped.alike[i][size]
		}
	}
	return chance
}

// choose is the number of sets of so many members.
func choose(n, size int) float64 {
	sets := 1.0
	for i := range size {
		sets *= float64(n-i) / float64(i+1)
	}
	return sets
}
