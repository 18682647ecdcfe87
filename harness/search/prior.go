package search

import "math/bits"

// prior is what a device is thought to need before anything is known. Most have something
// that nothing else replaces. A device with a group is common, one with three is rare.
// Alternatives are often of one kind, or side by side.
type prior struct {
	required []float64 // the chances of 0, 1, … required destinations
	groups   []float64 // the chances of 0, 1, … groups
	sizes    []float64 // the chances of groups, by size
	adjacent float64   // the share of groups whose members are side by side
	whole    float64   // groups that are all of a kind, for each other one, if the kinds are known
	proof    float64   // of a trial is saved by a question that is one of the proofs in the end
	rounds   int       // in which several chains take turns
}

// A device with less than so many destinations needs less, and in smaller groups.
const fewest = 9

var (
	few = prior{
		required: []float64{0.2, 0.3, 0.2, 0.15, 0.08},
		groups:   []float64{0.497, 0.348, 0.122, 0.028}, // a Poisson distribution with mean 0.7
		sizes:    []float64{2: 0.40, 3: 0.24, 4: 0.16, 5: 0.12},
		adjacent: 0.2, whole: 0.43, proof: 0.2, rounds: 500,
	}
	many = prior{
		required: []float64{0.12, 0.26, 0.295, 0.295, 0.022, 0.01},
		groups:   []float64{0.38, 0.455, 0.17, 0.045},
		sizes:    []float64{2: 0.25, 3: 0.25, 4: 0.25, 5: 0.23, 6: 0.07, 7: 0.02},
		adjacent: 0.1, proof: 0.4, rounds: 2000,
	}
)

const (
	requiredMore = 0.6  // beyond those listed, each further one against one less
	groupsMore   = 0.2  // the same of groups
	groupMore    = 0.5  // beyond those listed, each further member against one less
	ofOneKind    = 0.4  // of the groups, if the kinds are known
	counted      = 0.03 // of the groups, if they have three members or more: several are needed
)

// likelihood is how much likelier a world is with a need in place of its i-th than
// without it.
func (f *field) likelihood(w *draft, i int, n need) float64 {
	var usual float64
	switch {
	case n.breaks == 1:
		usual = f.further.required[w.requiredBut(i)]
	case n.counts():
		return f.counting(n, f.grouping(n.group)*f.moreGroups(f.groupsBut(w, i), f.groupsWith(w, i, n)))
	default:
		usual = f.grouping(n.group) * f.further.group[f.groupsBut(w, i)]
	}
	if len(f.appeared) > 0 {
		usual *= f.appears(n.group)
	}
	return f.expected(n.group, usual)
}

// further are how much likelier a world is with one more need, by how many it has already, as
// in [oneMore]: a required destination beyond those found, which is any of the rest, and a group.
type further struct{ required, group []float64 }

func (f *field) furtherOnes() (more further) {
	for n := range mostNeeds + len(f.likely) + len(f.cuts) {
		others := f.found + n
		more.required = append(more.required, oneMore(f.prior.required, requiredMore, others)/float64(max(1, len(f.members)-n)))
		more.group = append(more.group, oneMore(f.groups, groupsMore, n))
	}
	return more
}

// requiredBut counts the required destinations of a draft except the i-th need.
func (w *draft) requiredBut(i int) int {
	if i >= 0 && w.needs[i].breaks == 1 {
		return w.required - 1
	}
	return w.required
}

// groupsBut counts the groups without the i-th need, as [field.groupsWith].
func (f *field) groupsBut(w *draft, i int) int {
	if w.several > 0 {
		return f.groupsWith(w, i, need{})
	}
	groups := len(f.cuts) + len(w.needs) - w.required
	if i >= 0 && w.needs[i].breaks > 1 {
		groups--
	}
	return groups
}

// groupsWith is how many groups there are with a need in place of the i-th, or without that for
// the zero value. Proven cuts of a group several of which are needed are that one group.
func (f *field) groupsWith(w *draft, i int, n need) (groups int) {
	if n.breaks > 1 {
		groups++
	}
	for j := range w.needs {
		if j != i && w.needs[j].breaks > 1 {
			groups++
		}
	}
	for _, cut := range f.cuts {
		if !n.explains(cut) && !w.explains(i, cut) {
			groups++
		}
	}
	return groups
}

// explains reports whether a proven cut is one of several of the need.
func (n need) explains(cut need) bool { return n.counts() && n.has(cut.group) }

// explains is the same of any need of the draft except the i-th.
func (w *draft) explains(i int, cut need) bool {
	for j := range w.needs {
		if j != i && w.needs[j].need.explains(cut) {
			return true
		}
	}
	return false
}

// moreGroups is how much likelier one number of groups is than another, as in [oneMore].
func (f *field) moreGroups(from, to int) float64 {
	if to < from {
		return 1 / f.moreGroups(to, from)
	}
	factor := 1.0
	for n := from; n < to; n++ {
		factor *= f.further.group[n]
	}
	return factor
}

// oneMore is how much likelier n+1 needs are than n, times n+1, since a world does not order
// them. Beyond the chances, each further need is rarer by the same factor.
func oneMore(chances []float64, beyond float64, n int) float64 {
	if n+1 < len(chances) {
		beyond = chances[n+1] / chances[n]
	}
	return beyond * float64(n+1)
}

// counting is how likely a group is of which several are needed, if one of cuts alone would
// usually be. It takes the place of the proven cuts that it explains.
func (f *field) counting(n need, usual float64) float64 {
	usual *= counted / float64(bits.OnesCount64(n.group)-2)
	for _, cut := range f.cuts {
		if n.has(cut.group) {
			usual /= f.grouping(cut.group)
		}
	}
	return usual
}

// odds are how likely groups are, by size, so that each is worked out once for a field.
type odds struct {
	anywhere, near []float64   // with any members, and side by side
	gaps           []float64   // what so many others between the members make of near
	alike          [][]float64 // for each kind, with its destinations only
}

// odds are those of the field, whose members and kinds are known.
func (f *field) odds() (o odds) {
	n, anywhere := len(f.members), 1-f.adjacent
	if len(f.kinds) > 1 {
		anywhere -= ofOneKind
	}
	o.alike = make([][]float64, len(f.kinds))
	near, gap := f.adjacent/float64(n), 1.0
	for size := range n + 1 {
		chance := f.sizes[min(size, len(f.sizes)-1)]
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
