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

	mostNeeds = mostNew + mostOpen + 1 // unknown ones, apart from those of [Options].Likely

	warmRounds = 50 // of several chains, before the first world
)

// field is what is known of the destinations that are not required, as sets of bits.
type field struct {
	prior
	members   []int // the destinations, in the caller's order
	all       uint64
	passing   []holders  // the maximal sets that pass
	failing   []uint64   // the smallest of the minimal sets that fail and are not proven to be cuts
	failures  holders    // the same
	cuts      []need     // the proven ones
	likely    []uint64   // those of other columns: [Options].Likely
	suspects  []int      // the positions of destinations that may be required
	suspected uint64     // the same
	kinds     []uint64   // the destinations of each kind
	appeared  []newcomer // those of the members
	found     int        // required destinations, outside of the field
	grouped   odds
	further   further
	single    float64  // the chance that [field.add] tries just this suspect
	pair      float64  // and just these two destinations
	penalty   *penalty // of the chain that walks
	random    dice
}

// newField is the field of a theory, which has [widest] destinations at most that are not required.
func newField(t *theory) *field {
	f := &field{prior: many, members: t.sorted(t.universe.Minus(t.required)), found: t.required.Len()}
	if t.universe.Len() < fewest {
		f.prior = few
	}
	f.all = f.bits(t.universe)
	f.passing, f.failing = holding(f.bitsOf(t.passing)), f.bitsOf(t.open[:min(len(t.open), mostOpen)])
	for _, failing := range holding(f.failing) { // one at most
		f.failures = failing
	}
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
			f.suspected |= 1 << i
		}
	}
	for _, kind := range kinds(t.kin(), t.universe) {
		f.kinds = append(f.kinds, f.bits(t.ofKind(t.kin(), []int{kind})))
	}
	f.appeared = f.newcomers(t)
	f.grouped = f.odds()
	f.further = f.furtherOnes()
	f.single, f.pair = f.chances()
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
	f.penalty = penaltyOf(usualPenalty)
	f.walk(&w, warmUp)
	for walks := 0; walks < patient*worlds && len(drawn) < worlds; walks++ {
		f.walk(&w, between)
		drawn = f.keep(drawn, &w)
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
	tables := make([]*penalty, len(penalties))
	for i := range chains {
		chains[i], tables[i] = f.start(), penaltyOf(penalties[i])
	}
	for round := range f.rounds {
		for i := range chains {
			f.penalty = tables[i]
			f.walk(&chains[i], between)
			if round >= warmRounds {
				drawn = f.keep(drawn, &chains[i])
			}
		}
		for i := len(chains) - 1; i > 0; i-- {
			cold, hot := chains[i], chains[i-1]
			if f.random.Float64() < power(penalties[i]/penalties[i-1], cold.wrong-hot.wrong) {
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
func (f *field) keep(drawn []world, w *draft) []world {
	if w.wrong > 0 {
		return drawn
	}
	kept := make(world, 0, len(w.needs)+len(f.cuts))
	for _, c := range w.needs {
		kept = append(kept, c.need)
	}
	return append(drawn, append(kept, f.cuts...))
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
		case len(w.needs) == 0:
		case move == 15 && f.random.IntN(2) == 0:
			f.echo(w)
		default:
			f.change(w, move)
		}
	}
}

// add may add a required destination, or a pair of alternatives.
func (f *field) add(w *draft) {
	var n need
	tried := f.single
	if all := len(f.members); f.random.IntN(2) == 0 && len(f.suspects) > 0 {
		n = need{1 << f.suspects[f.random.IntN(len(f.suspects))], 1}
	} else if all > 1 {
		a := f.random.IntN(all)
		b := a + 1 + f.random.IntN(all-1)
		if b >= all {
			b -= all
		}
		n, tried = need{1<<a | 1<<b, 2}, f.pair
	}
	if n.breaks > 0 && len(w.needs) < mostNew {
		f.join(w, n, tried, float64(len(w.needs)+1))
	}
}

// join may add a need, given the chances that just this is tried, and that it would be undone.
func (f *field) join(w *draft, n need, tried, undone float64) {
	needed := f.random.Float64() * tried * undone
	if c, ok := f.accepts(w, -1, n, needed, f.unexplained(w.explained)); ok {
		w.needs = append(w.needs, part{candidate: c})
		f.settle(w)
	}
}

// remove may remove a required destination, or a pair of alternatives.
func (f *field) remove(w *draft) {
	if len(w.needs) == 0 {
		return
	}
	i := f.random.IntN(len(w.needs))
	if chance := f.added(w.needs[i].need); chance > 0 {
		f.drop(w, i, chance, float64(len(w.needs)))
	}
}

// drop may remove the i-th need, given the chances of [field.join] for it.
func (f *field) drop(w *draft, i int, tried, undone float64) {
	c, last := &w.needs[i], len(w.needs)-1
	if f.random.Float64()*f.worth(w, i) < tried*undone*f.penalty.of(f.unexplained(c.others)-c.wrong) {
		*c = w.needs[last]
		w.needs = w.needs[:last]
		f.settle(w)
	}
}

// toggle may add a need, or remove it.
func (f *field) toggle(w *draft, n need) {
	for i, other := range w.needs {
		if other.need == n {
			f.drop(w, i, 1, 1)
			return
		}
	}
	if len(w.needs) < mostNew {
		f.join(w, n, 1, 1)
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
	if i := f.random.IntN(mostNew); i < len(w.needs) && w.needs[i].counts() {
		f.toggle(w, cutOf(f.some(w.needs[i].group, w.needs[i].breaks)))
	}
}

// change may add a member to a need, remove one, or swap one for another.
func (f *field) change(w *draft, move int) {
	i := f.random.IntN(len(w.needs))
	old, x := &w.needs[i], uint64(1)<<f.random.IntN(len(f.members))
	n := need{old.group ^ x, old.breaks}
	switch {
	case move < 12: // as many are needed
		if n.breaks++; old.group&x != 0 {
			n.breaks -= 2
		}
	case move < 15:
		if old.group&x != 0 {
			return
		}
		n.group ^= f.some(old.group, 1)
	}
	if size := bits.OnesCount64(n.group); size == 0 || n.breaks < min(size, 2) || n.breaks > size {
		return
	}
	if c, ok := f.accepts(w, i, n, f.random.Float64()*f.worth(w, i), old.wrong); ok {
		old.candidate = c
		f.settle(w)
	}
}

// accepts reports whether a need takes the place of the i-th, or joins the draft if i is -1:
// whether the world is then likelier than needed. The i-th need and the draft contradict
// so much now.
func (f *field) accepts(w *draft, i int, n need, needed float64, wrong int) (c candidate, ok bool) {
	likelihood := f.likelihood(w, i, n)
	if needed >= likelihood*f.penalty.of(-wrong) {
		return c, false // even if nothing is contradicted then
	}
	c = f.candidate(n)
	others := w.explained
	if i >= 0 {
		others = w.needs[i].others
	}
	worse := w.clashes(i, c) + f.unexplained(others|c.explains) - wrong
	return c, needed < likelihood*f.penalty.of(worse)
}

// added is the chance that [field.add] tries just this cut.
func (f *field) added(of need) float64 {
	switch {
	case of.counts():
	case of.breaks == 1 && of.group&f.suspected != 0:
		return f.single
	case of.breaks == 2:
		return f.pair
	}
	return 0
}

// chances are those of [field.add].
func (f *field) chances() (single, pair float64) {
	n, pairs := float64(len(f.members)), 0.5
	if len(f.suspects) == 0 {
		pairs = 1
	}
	return 0.5 / float64(max(1, len(f.suspects))), 2 * pairs / (n * (n - 1))
}

// some are so many of these members.
func (f *field) some(members uint64, n int) uint64 {
	for rest := bits.OnesCount64(members); rest > n; rest-- {
		members &^= nth(members, f.random.IntN(rest))
	}
	return members
}
