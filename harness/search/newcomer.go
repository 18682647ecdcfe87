package search

import (
	"math/bits"
	"slices"
)

// newcomer is a destination that the device contacts only while others are blocked. It is
// probably an alternative for one of them, and hardly required by itself. That is a part of
// the prior: it changes which worlds are likely, and no verdict rests on it.
type newcomer struct {
	self  uint64
	while uint64   // blocked whenever it was contacted
	quiet []uint64 // those of while that were blocked in a trial in which it was not contacted
}

const (
	joins = 0.5  // of the groups whose members were blocked when a newcomer appeared have it, too
	apart = 0.1  // how much rarer a group with a newcomer is if that appeared while others were blocked
	lone  = 0.05 // how much rarer it is that a newcomer is required
)

// newcomers are those of the field, from [Options.Windows].
func (f *field) newcomers(t *theory) (found []newcomer) {
	for i, x := range f.members {
		if n, ok := f.newcomer(t.Windows, x, 1<<i); ok {
			found = append(found, n)
		}
	}
	return found
}

// newcomer is what the windows say of a destination. It reports false if it was contacted
// while nothing else was blocked, if different sets were blocked when it was contacted, or if
// it was contacted from the start.
func (f *field) newcomer(windows []Window, x int, self uint64) (n newcomer, ok bool) {
	var seen []Window
	for _, w := range windows {
		if w.Contacted.Has(x) {
			seen = append(seen, w)
		}
	}
	n = newcomer{self: self, while: f.all &^ self}
	for _, w := range seen {
		n.while &= f.bits(w.Blocked)
	}
	if len(seen) == 0 || n.while == 0 {
		return n, false
	}
	long := meanAfter(x, seen)
	for _, w := range windows {
		if w.Void || w.Contacted.Has(x) || w.Leftover.Has(x) || w.Lasted < long {
			continue
		}
		if quiet := f.bits(w.Blocked) & n.while; !slices.Contains(n.quiet, quiet) {
			n.quiet = append(n.quiet, quiet)
		}
	}
	return n, len(n.quiet) > 0
}

// follows reports whether the newcomer may have appeared because members of a group were
// blocked: whenever they were, and only then.
func (n newcomer) follows(group uint64) bool {
	lost := group & n.while
	return lost != 0 && !slices.ContainsFunc(n.quiet, func(quiet uint64) bool { return lost&^quiet == 0 })
}

// appears is how much likelier a need is because of the newcomers in it.
func (f *field) appears(group uint64) float64 {
	size, rest, factor := bits.OnesCount64(group), len(f.members), 1.0
	for _, n := range f.appeared {
		switch {
		case group&n.self == 0:
		case size == 1:
			return lone
		case n.follows(group):
			// Of all sets of this size, one in rest/size has the newcomer.
			factor *= joins * float64(rest) / float64(size)
			size, rest = size-1, rest-1
		default:
			factor *= apart
		}
	}
	return factor
}
