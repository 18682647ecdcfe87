package search

import "math/bits"

// draft is a world that a chain changes, without the proven cuts.
type draft struct {
	needs     []part
	explained uint64 // the failing sets that break a need, as bits
	wrong     int    // what contradicts the draft, and failing sets that nothing explains
	required  int    // needs that a single destination breaks
	several   int    // groups several of which are needed
}

// part is a need of a draft, and what follows from the other needs.
type part struct {
	candidate
	others uint64  // the failing sets that break another need
	wrong  int     // what contradicts this need, and failing sets that nothing explains
	worth  float64 // [field.worth]; below 0 if it is not known
}

// candidate is a need of a draft, and what the answers say of it.
type candidate struct {
	need
	explains uint64 // the failing sets that break it, as bits
	refuted  int    // answers and proven cuts that contradict it
}

// candidate counts as contradictions the sets that pass although they break the need, and the
// proven cuts that contain one of its cuts, or lie inside it.
func (f *field) candidate(n need) candidate {
	c := candidate{need: n, explains: f.failures.breaking(n)}
	for i := range f.passing {
		c.refuted += bits.OnesCount64(f.passing[i].breaking(n))
	}
	for _, cut := range f.cuts {
		if nested(n, cut) && !(n.counts() && n.has(cut.group)) {
			c.refuted++
		}
	}
	return c
}

// settle works out what follows from the needs.
func (f *field) settle(w *draft) {
	*w = draft{needs: w.needs}
	for i := range w.needs {
		c := &w.needs[i]
		c.others, c.wrong, c.worth = w.explained, c.refuted, -1
		w.explained |= c.explains
		w.wrong += c.refuted
		switch {
		case c.breaks == 1:
			w.required++
		case c.counts():
			w.several++
		}
		for j := range w.needs[:i] {
			other := &w.needs[j]
			other.others |= c.explains
			if nested(c.need, other.need) {
				c.wrong, other.wrong, w.wrong = c.wrong+1, other.wrong+1, w.wrong+1
			}
		}
	}
	unexplained := f.unexplained(w.explained)
	w.wrong += unexplained
	for i := range w.needs {
		w.needs[i].wrong += unexplained
	}
}

// unexplained counts the failing sets except these.
func (f *field) unexplained(explained uint64) int {
	return len(f.failing) - bits.OnesCount64(explained)
}

// worth is how much likelier a draft is with its i-th need than without it.
func (f *field) worth(w *draft, i int) float64 {
	c := &w.needs[i]
	if c.worth < 0 {
		c.worth = f.likelihood(w, i, c.need)
	}
	return c.worth
}

// clashes counts what contradicts a candidate: answers, proven cuts, and other needs of the
// draft, if a cut of one contains a cut of the other. The i-th need does not count.
func (w *draft) clashes(i int, c candidate) int {
	clashes := c.refuted
	for j := range w.needs {
		if j != i && nested(c.need, w.needs[j].need) {
			clashes++
		}
	}
	return clashes
}
