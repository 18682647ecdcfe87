package search

import (
	"math/bits"
	"math/rand/v2"
)

// The rules of plan.go ask good questions, and they decide when a search is done. From
// [smallest] destinations up to [widest], better ones are found by drawing worlds: sets
// of cuts that explain every answer so far, each drawn as often as it is likely. The
// worlds only choose between questions. No verdict rests on them.

const (
	smallest = 9    // destinations, at least: with fewer, the rules do as well
	widest   = 64   // destinations that are not required, at most: a set of them is one word
	worlds   = 400  // drawn for a question
	between  = 40   // steps from one world to the next
	warmUp   = 4000 // steps before the first world
	patient  = 4    // times as many walks as worlds, since a walk may end in a contradiction
	mostNew  = 12   // unknown cuts in a world

	rounds     = 2000 // in which several chains take turns
	warmRounds = 50   // of them, before the first world
)

// A world is so many times rarer for each answer that it contradicts: in a chain that is
// alone, and in each of several.
const usualPenalty = 10

var penalties = []float64{4, 16, 64, 256}

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
)

// world is a list of cuts. Each is a set of bits, of which bit i stands for the i-th
// destination of the field.
type world []uint64

// field is what is known of the destinations that are not required, as sets of bits.
type field struct {
	members  []int // the destinations, in the caller's order
	all      uint64
	passing  []uint64 // the maximal sets that pass
	failing  []uint64 // the minimal sets that fail and are not proven to be cuts
	cuts     []uint64 // the proven ones
	likely   []uint64 // those of other columns: [Options].Likely
	suspects []int    // the positions of destinations that may be required
	kinds    []uint64 // the destinations of each kind
	required int      // destinations outside of the field
	penalty  float64  // how much rarer a world is for each contradiction
	random   *rand.Rand
}

// newField is the field of a theory, which has [widest] destinations at most that are not required.
func newField(t *theory) *field {
	f := &field{members: t.sorted(t.universe.Minus(t.required)), required: t.required.Len()}
	f.all = f.bits(t.universe)
	f.passing, f.failing, f.cuts = f.bitsOf(t.passing), f.bitsOf(t.open), f.bitsOf(t.cuts)
	for _, cut := range t.Likely {
		if !cut.Intersects(t.required) && cut.SubsetOf(t.universe) {
			f.likely = append(f.likely, f.bits(cut))
		}
	}
	for i, x := range f.members {
		if t.suspects.Has(x) {
			f.suspects = append(f.suspects, i)
		}
	}
	for _, kind := range kinds(t.kin(), t.universe) {
		f.kinds = append(f.kinds, f.bits(t.ofKind(t.kin(), []int{kind})))
	}
	f.random = rand.New(rand.NewPCG(uint64(len(t.findings)), uint64(len(f.members))))
	return f
}

func (f *field) bits(s Set) (b uint64) {
	for i, x := range f.members {
		if s.Has(x) {
			b |= 1 << i
		}
	}
	return b
}

func (f *field) bitsOf(sets []Set) (all []uint64) {
	for _, s := range sets {
		all = append(all, f.bits(s))
	}
	return all
}

func (f *field) set(b uint64) Set {
	var members []int
	for ; b != 0; b &= b - 1 {
		members = append(members, f.members[bits.TrailingZeros64(b)])
	}
	return Of(members...)
}

// worlds draws worlds by a Markov chain (Metropolis and Hastings). It begins with the
// world in which each failing set is a cut, and those of [Options].Likely. A step changes
// one cut, and may lead through worlds that contradict some answers, which are rare but
// connect the others. If most of what the chain meets contradicts something, several chains
// do better.
func (f *field) worlds() (drawn []world) {
	w := f.start()
	f.penalty = usualPenalty
	f.walk(&w, warmUp)
	for walks := 0; walks < patient*worlds && len(drawn) < worlds; walks++ {
		f.walk(&w, between)
		drawn = f.keep(drawn, w)
	}
	if len(drawn) < worlds {
		return f.tempered()
	}
	return drawn
}

// tempered draws worlds by chains with different penalties that exchange their worlds
// (parallel tempering): those with a low one find new worlds, those with a high one meet
// few contradictions.
func (f *field) tempered() (drawn []world) {
	chains := make([]world, len(penalties))
	for i := range chains {
		chains[i] = f.start()
	}
	for round := range rounds {
		for i := range chains {
			f.penalty = penalties[i]
			f.walk(&chains[i], between)
			if round >= warmRounds {
				drawn = f.keep(drawn, chains[i])
			}
		}
		for i := len(chains) - 1; i > 0; i-- {
			cold, hot := chains[i], chains[i-1]
			if f.random.Float64() < power(penalties[i]/penalties[i-1], f.errors(cold)-f.errors(hot)) {
				chains[i], chains[i-1] = hot, cold
			}
		}
	}
	if len(drawn) <= worlds {
		return drawn
	}
	spread := make([]world, worlds)
	for i := range spread {
		spread[i] = drawn[i*len(drawn)/worlds]
	}
	return spread
}

// keep adds a world with the proven cuts to those drawn, unless it contradicts something.
func (f *field) keep(drawn []world, w world) []world {
	if !f.sound(w) {
		return drawn
	}
	return append(drawn, append(append(make(world, 0, len(w)+len(f.cuts)), w...), f.cuts...))
}

// errors counts what a world contradicts.
func (f *field) errors(w world) (n int) {
	for i, cut := range w {
		n += f.clashes(w[:i], -1, cut)
	}
	return n + f.unexplained(w, -1, 0)
}

func (f *field) walk(w *world, steps int) {
	for range steps {
		if len(f.likely) > 0 && f.random.IntN(4) == 0 {
			f.toggle(w)
			continue
		}
		switch move := f.random.IntN(8); {
		case move < 2:
			f.add(w)
		case move < 4:
			f.remove(w)
		case len(*w) > 0:
			f.change(*w, move < 6)
		}
	}
}

// add may add a required destination, or a pair of alternatives.
func (f *field) add(w *world) {
	var cut uint64
	if n := len(f.members); f.random.IntN(2) == 0 && len(f.suspects) > 0 {
		cut = 1 << f.suspects[f.random.IntN(len(f.suspects))]
	} else if n > 1 {
		a := f.random.IntN(n)
		cut = 1<<a | 1<<((a+1+f.random.IntN(n-1))%n)
	}
	if cut == 0 || len(*w) == mostNew {
		return
	}
	f.join(w, cut, f.added(cut), float64(len(*w)+1))
}

// join may add a cut, given the chances that just this is tried, and that it would be undone.
func (f *field) join(w *world, cut uint64, tried, undone float64) {
	worse := f.clashes(*w, -1, cut) + f.unexplained(*w, -1, cut) - f.unexplained(*w, -1, 0)
	if f.random.Float64()*tried*undone < f.likelihood(*w, -1, cut)*f.rarer(worse) {
		*w = append(*w, cut)
	}
}

// remove may remove a required destination, or a pair of alternatives.
func (f *field) remove(w *world) {
	if len(*w) == 0 {
		return
	}
	i := f.random.IntN(len(*w))
	if chance := f.added((*w)[i]); chance > 0 {
		f.drop(w, i, chance, float64(len(*w)))
	}
}

// drop may remove the i-th cut, given the chances of [field.join] for it.
func (f *field) drop(w *world, i int, tried, undone float64) {
	cut, last := (*w)[i], len(*w)-1
	worse := f.unexplained(*w, i, 0) - f.unexplained(*w, -1, 0) - f.clashes(*w, i, cut)
	if f.random.Float64()*f.likelihood(*w, i, cut) < tried*undone*f.rarer(worse) {
		(*w)[i] = (*w)[last]
		*w = (*w)[:last]
	}
}

// added is the chance that [field.add] tries just this cut.
func (f *field) added(cut uint64) float64 {
	n, pairs := float64(len(f.members)), 0.5
	switch bits.OnesCount64(cut) {
	case 1:
		for _, x := range f.suspects {
			if cut == 1<<x {
				return 0.5 / float64(len(f.suspects))
			}
		}
	case 2:
		if len(f.suspects) == 0 {
			pairs = 1
		}
		return 2 * pairs / (n * (n - 1))
	}
	return 0
}

// change may add a member to a cut, remove one, or swap one for another.
func (f *field) change(w world, toggle bool) {
	i := f.random.IntN(len(w))
	old, x := w[i], uint64(1)<<f.random.IntN(len(f.members))
	cut := old ^ x
	if !toggle {
		if old&x != 0 {
			return
		}
		cut ^= nth(old, f.random.IntN(bits.OnesCount64(old)))
	}
	if cut == 0 {
		return
	}
	worse := f.clashes(w, i, cut) + f.unexplained(w, i, cut) - f.clashes(w, i, old) - f.unexplained(w, i, old)
	if f.random.Float64()*f.likelihood(w, i, old) < f.likelihood(w, i, cut)*f.rarer(worse) {
		w[i] = cut
	}
}

// nth is the n-th member, from 0 up.
func nth(b uint64, n int) uint64 {
	for range n {
		b &= b - 1
	}
	return b & -b
}

// nested reports whether one of two sets contains the other.
func nested(a, b uint64) bool { return a&^b == 0 || b&^a == 0 }

// clashes counts what a cut contradicts: sets that pass although they contain it, and
// other cuts that contain it or lie inside it. The i-th cut of the world does not count.
func (f *field) clashes(w world, i int, cut uint64) (n int) {
	for _, p := range f.passing {
		if cut&^p == 0 {
			n++
		}
	}
	for _, other := range f.cuts {
		if nested(cut, other) {
			n++
		}
	}
	for j, other := range w {
		if j != i && nested(cut, other) {
			n++
		}
	}
	return n
}

// unexplained counts the failing sets that contain no cut, if another takes the place
// of the i-th cut, or joins the world if i is -1. The cut 0 stands for none.
func (f *field) unexplained(w world, i int, cut uint64) (n int) {
	for _, failing := range f.failing {
		found := cut != 0 && cut&^failing == 0
		for j := 0; j < len(w) && !found; j++ {
			found = j != i && w[j]&^failing == 0
		}
		if !found {
			n++
		}
	}
	return n
}

// sound reports whether a world contradicts nothing.
func (f *field) sound(w world) bool {
	for i, cut := range w {
		if f.clashes(w, i, cut) > 0 {
			return false
		}
	}
	return f.unexplained(w, -1, 0) == 0
}

// rarer is how much less likely so many further contradictions make a world.
func (f *field) rarer(worse int) float64 { return power(f.penalty, -worse) }

// power is a factor to a whole power.
func power(factor float64, exponent int) float64 {
	product := 1.0
	for range max(exponent, -exponent) {
		product *= factor
	}
	if exponent < 0 {
		return 1 / product
	}
	return product
}

// likelihood is how much likelier a world is with a cut in place of its i-th than
// without it.
func (f *field) likelihood(w world, i int, cut uint64) float64 {
	if size := bits.OnesCount64(cut); size > 1 {
		return f.expected(cut, groupsMean*f.group(cut, size))
	}
	others := f.required
	for j, other := range w {
		if j != i && other&(other-1) == 0 {
			others++
		}
	}
	more := requiredMore
	if others+1 < len(requiredChance) {
		more = requiredChance[others+1] / requiredChance[others]
	}
	return f.expected(cut, more*float64(others+1)/float64(max(1, f.required+len(f.members)-others)))
}

// group is the chance that a group of alternatives has just these members: of any, of
// one kind, or side by side.
func (f *field) group(cut uint64, size int) float64 {
	chance := groupChance[min(size, len(groupChance)-1)]
	for range size - (len(groupChance) - 1) {
		chance *= groupMore
	}
	n := len(f.members)
	alike, anywhere := 0.0, 1-sideBySide
	if len(f.kinds) > 1 {
		anywhere -= ofOneKind
		for _, kind := range f.kinds {
			if cut&^kind == 0 {
				alike = ofOneKind / float64(len(f.kinds)) / choose(bits.OnesCount64(kind), size)
			}
		}
	}
	near := sideBySide / float64(n)
	for range size - 1 {
		near *= 0.8
	}
	for range bits.Len64(cut) - bits.TrailingZeros64(cut) - size {
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
