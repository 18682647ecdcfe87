package search

import "math/bits"

// The rules of plan.go ask good questions, and they decide when a search is done. Up to
// [widest] destinations that are not required, better ones are found by drawing worlds: lists
// of needs that explain every answer so far, each drawn as often as it is likely. The worlds
// only choose between questions. No verdict rests on them.

const (
	widest   = 64   // destinations that are not required, at most: a set of them is one word
	worlds   = 400  // drawn for a question
	between  = 40   // steps from one world to the next
	warmUp   = 4000 // steps before the first world
	patient  = 4    // times as many walks as worlds, since a walk may end in a contradiction
	mostNew  = 12   // unknown needs in a world
	mostOpen = 64   // failing sets that worlds explain: one word has a bit for each

	warmRounds = 50 // of several chains, before the first world
)

// A world is so many times rarer for each answer that it contradicts: in a chain that is
// alone, and in each of several.
const usualPenalty = 10

var penalties = []float64{4, 16, 64, 256}

// field is what is known of the destinations that are not required, as sets of bits.
type field struct {
	prior
	members  []int // the destinations, in the caller's order
	all      uint64
	passing  []uint64   // the maximal sets that pass
	failing  []uint64   // the smallest of the minimal sets that fail and are not proven to be cuts
	cuts     []need     // the proven ones
	likely   []uint64   // those of other columns: [Options].Likely
	suspects []int      // the positions of destinations that may be required
	kinds    []uint64   // the destinations of each kind
	appeared []newcomer // those of the members
	found    int        // required destinations, outside of the field
	grouped  odds
	penalty  float64 // how much rarer a world is for each contradiction
	random   dice
}

// newField is the field of a theory, which has [widest] destinations at most that are not required.
func newField(t *theory) *field {
	f := &field{prior: many, members: t.sorted(t.universe.Minus(t.required)), found: t.required.Len()}
	if t.universe.Len() < fewest {
		f.prior = few
	}
	f.all = f.bits(t.universe)
	f.passing, f.failing = f.bitsOf(t.passing), f.bitsOf(t.open[:min(len(t.open), mostOpen)])
	for _, cut := range f.bitsOf(t.cuts) {
		f.cuts = append(f.cuts, cutOf(cut))
	}
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
	f.appeared = f.newcomers(t)
	f.grouped = f.odds()
	f.random.source.Seed(uint64(len(t.findings)), uint64(len(f.members)))
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
// one need, and may lead through worlds that contradict some answers, which are rare but
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
	chains := make([]draft, len(penalties))
	for i := range chains {
		chains[i] = f.start()
	}
	for round := range f.rounds {
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
func (f *field) keep(drawn []world, w draft) []world {
	if !f.sound(w) {
		return drawn
	}
	kept := make(world, 0, len(w)+len(f.cuts))
	for _, c := range w {
		kept = append(kept, c.need)
	}
	return append(drawn, append(kept, f.cuts...))
}

// errors counts what a world contradicts.
func (f *field) errors(w draft) (n int) {
	for i, c := range w {
		n += w[:i].clashes(-1, c)
	}
	return n + f.unexplained(w, -1, candidate{})
}

func (f *field) walk(w *draft, steps int) {
	for range steps {
		if len(f.likely) > 0 && f.random.IntN(4) == 0 {
			f.toggle(w, cutOf(f.likely[f.random.IntN(len(f.likely))]))
			continue
		}
		switch move := f.random.IntN(16); {
		case move < 4:
			f.add(w)
		case move < 8:
			f.remove(w)
		case move == 14 && len(f.cuts) > 0:
			f.adopt(w)
		case len(*w) == 0:
		case move == 15 && f.random.IntN(2) == 0:
			f.echo(w)
		default:
			f.change(*w, move)
		}
	}
}

// add may add a required destination, or a pair of alternatives.
func (f *field) add(w *draft) {
	var cut uint64
	if n := len(f.members); f.random.IntN(2) == 0 && len(f.suspects) > 0 {
		cut = 1 << f.suspects[f.random.IntN(len(f.suspects))]
	} else if n > 1 {
		a := f.random.IntN(n)
		cut = 1<<a | 1<<((a+1+f.random.IntN(n-1))%n)
	}
	if cut == 0 || len(*w) >= mostNew {
		return
	}
	f.join(w, f.candidate(cutOf(cut)), f.added(cutOf(cut)), float64(len(*w)+1))
}

// join may add a need, given the chances that just this is tried, and that it would be undone.
func (f *field) join(w *draft, c candidate, tried, undone float64) {
	worse := w.clashes(-1, c) + f.unexplained(*w, -1, c) - f.unexplained(*w, -1, candidate{})
	if f.random.Float64()*tried*undone < f.likelihood(*w, -1, c.need)*f.rarer(worse) {
		*w = append(*w, c)
	}
}

// remove may remove a required destination, or a pair of alternatives.
func (f *field) remove(w *draft) {
	if len(*w) == 0 {
		return
	}
	i := f.random.IntN(len(*w))
	if chance := f.added((*w)[i].need); chance > 0 {
		f.drop(w, i, chance, float64(len(*w)))
	}
}

// drop may remove the i-th need, given the chances of [field.join] for it.
func (f *field) drop(w *draft, i int, tried, undone float64) {
	c, last := (*w)[i], len(*w)-1
	worse := f.unexplained(*w, i, candidate{}) - f.unexplained(*w, -1, candidate{}) - w.clashes(i, c)
	if f.random.Float64()*f.likelihood(*w, i, c.need) < tried*undone*f.rarer(worse) {
		(*w)[i] = (*w)[last]
		*w = (*w)[:last]
	}
}

// toggle may add a need, or remove it.
func (f *field) toggle(w *draft, n need) {
	for i, other := range *w {
		if other.need == n {
			f.drop(w, i, 1, 1)
			return
		}
	}
	if len(*w) < mostNew {
		f.join(w, f.candidate(n), 1, 1)
	}
}

// adopt may explain a proven cut by a group with one more member, or stop to do so.
func (f *field) adopt(w *draft) {
	cut := f.cuts[f.random.IntN(len(f.cuts))]
	if x := uint64(1) << f.random.IntN(len(f.members)); cut.group&x == 0 {
		f.toggle(w, need{cut.group | x, cut.breaks})
	}
}

// echo may add a cut of a group several of which are needed, or remove it. It says nothing
// new, but leads from several cuts to one such group.
func (f *field) echo(w *draft) {
	if i := f.random.IntN(mostNew); i < len(*w) && (*w)[i].counts() {
		f.toggle(w, cutOf(f.some((*w)[i].group, (*w)[i].breaks)))
	}
}

// change may add a member to a need, remove one, or swap one for another.
func (f *field) change(w draft, move int) {
	i := f.random.IntN(len(w))
	old, x := w[i], uint64(1)<<f.random.IntN(len(f.members))
	n := need{old.group ^ x, old.breaks}
	switch {
	case move < 12: // as many are needed
		n.breaks += bits.OnesCount64(n.group) - bits.OnesCount64(old.group)
	case move < 15:
		if old.group&x != 0 {
			return
		}
		n.group ^= f.some(old.group, 1)
	}
	if size := bits.OnesCount64(n.group); size == 0 || n.breaks < min(size, 2) || n.breaks > size {
		return
	}
	c := f.candidate(n)
	worse := w.clashes(i, c) + f.unexplained(w, i, c) - w.clashes(i, old) - f.unexplained(w, i, old)
	if f.random.Float64()*f.likelihood(w, i, old.need) < f.likelihood(w, i, n)*f.rarer(worse) {
		w[i] = c
	}
}

// added is the chance that [field.add] tries just this cut.
func (f *field) added(of need) float64 {
	n, pairs := float64(len(f.members)), 0.5
	if of.counts() {
		return 0
	}
	switch of.breaks {
	case 1:
		for _, x := range f.suspects {
			if of.group == 1<<x {
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

// some are so many of these members.
func (f *field) some(members uint64, n int) uint64 {
	for rest := bits.OnesCount64(members); rest > n; rest-- {
		members &^= nth(members, f.random.IntN(rest))
	}
	return members
}

// draft is a world that a chain changes, without the proven cuts.
type draft []candidate

// candidate is a need of a draft, and what the answers say of it.
type candidate struct {
	need
	explains uint64 // the failing sets that break it, as bits
	refuted  int    // answers and proven cuts that contradict it
}

// candidate counts as contradictions the sets that pass although they break the need, and the
// proven cuts that contain one of its cuts, or lie inside it.
func (f *field) candidate(n need) candidate {
	c := candidate{need: n}
	for i, failing := range f.failing {
		if n.broken(failing) {
			c.explains |= 1 << i
		}
	}
	for _, p := range f.passing {
		if n.broken(p) {
			c.refuted++
		}
	}
	for _, cut := range f.cuts {
		if nested(n, cut) && !(n.counts() && n.has(cut.group)) {
			c.refuted++
		}
	}
	return c
}

// clashes counts what contradicts a candidate: answers, proven cuts, and other needs of the
// draft, if a cut of one contains a cut of the other. The i-th need does not count.
func (w draft) clashes(i int, c candidate) int {
	clashes := c.refuted
	for j, other := range w {
		if j != i && nested(c.need, other.need) {
			clashes++
		}
	}
	return clashes
}

// unexplained counts the failing sets that break no need, if a candidate takes the place
// of the i-th need, or joins the draft if i is -1. The zero value stands for none.
func (f *field) unexplained(w draft, i int, c candidate) int {
	explained := c.explains
	for j, other := range w {
		if j != i {
			explained |= other.explains
		}
	}
	return len(f.failing) - bits.OnesCount64(explained)
}

// sound reports whether a draft contradicts nothing.
func (f *field) sound(w draft) bool {
	for i, c := range w {
		if w.clashes(i, c) > 0 {
			return false
		}
	}
	return f.unexplained(w, -1, candidate{}) == 0
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
