package search

import (
	"math/bits"
	"slices"
)

// A column that is expensive to judge is searched last, and is expected to need about what
// the others need. Their cuts change which worlds are likely, and so which questions are
// good ones. As always, no verdict rests on that.

// How much likelier a world is with a cut than without it, if other columns have cuts.
const (
	shared  = 9.0 // a cut of another column
	changed = 0.5 // all sets together that are such a cut with one member more or less
	strange = 0.3 // any other set, times what it would be without other columns
)

// expected changes how likely a cut is by those of other columns.
func (f *field) expected(cut uint64, usual float64) float64 {
	if len(f.likely) == 0 {
		return usual
	}
	near := false
	for _, other := range f.likely {
		switch bits.OnesCount64(cut ^ other) {
		case 0:
			return shared
		case 1:
			near = true
		}
	}
	if near {
		return changed / float64(len(f.members))
	}
	return strange * usual
}

// start is the world in which a chain begins: the cuts of other columns that are not
// refuted, and each failing set that they do not explain.
func (f *field) start() (w draft) {
	for _, cut := range slices.Concat(f.likely, f.failing) {
		if c := f.candidate(cutOf(cut)); w.clashes(-1, c) == 0 {
			w.needs = append(w.needs, part{candidate: c})
		}
	}
	f.settle(&w)
	return w
}
