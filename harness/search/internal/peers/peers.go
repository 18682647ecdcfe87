// Package peers holds other ways to find out what a device needs, to measure
// package search against: small, honest implementations of published methods,
// and Go's own bisect, driven as the program it is. Nothing but the benchmark
// uses them.
//
// Each method is a function that asks whether the device fails with a set
// blocked, and returns the cuts that it takes the device to have. A method that
// knows no alternatives returns required destinations only.
package peers

import (
	"github.com/needwant/needwant/harness/search"
)

// Method explains a device with destinations 0 … n-1.
type Method func(n int, fails func(search.Set) bool) []search.Set

// Counted runs a method, and counts the different trials that it asked for.
func Counted(method Method, n int, fails func(search.Set) bool) (cuts []search.Set, trials int) {
	known := map[string]bool{}
	cuts = method(n, func(blocked search.Set) bool {
		if blocked.IsEmpty() {
			return false // the control, which all methods have for free
		}
		answer, ok := known[blocked.String()]
		if !ok {
			answer = fails(blocked)
			known[blocked.String()] = answer
		}
		return answer
	})
	return cuts, len(known)
}

// OneAtATime blocks each destination alone, then all that seemed optional
// together. What most tools do.
func OneAtATime(n int, fails func(search.Set) bool) []search.Set {
	var required []search.Set
	optional := search.All(n)
	for x := range n {
		if fails(search.Of(x)) {
			required = append(required, search.Of(x))
			optional = optional.Without(x)
		}
	}
	fails(optional)
	return required
}

// QuickXplain looks for a smallest list of destinations to allow, by
// Junker's divide and conquer (2004), and calls its members required.
func QuickXplain(n int, fails func(search.Set) bool) []search.Set {
	all := search.All(n)
	if !fails(all) {
		return nil
	}
	works := func(allowed search.Set) bool { return !fails(all.Minus(allowed)) }
	return singles(quickXplain(works, search.Set{}, false, all.Members()))
}

// quickXplain is a minimal part of candidates that, with base, has the
// property. grown says that base has changed since it was last tried.
func quickXplain(has func(search.Set) bool, base search.Set, grown bool, candidates []int) search.Set {
	if grown && has(base) {
		return search.Set{}
	}
	if len(candidates) == 1 {
		return search.Of(candidates...)
	}
	half := len(candidates) / 2
	first, second := candidates[:half], candidates[half:]
	fromSecond := quickXplain(has, base.With(first...), true, second)
	fromFirst := quickXplain(has, base.Union(fromSecond), !fromSecond.IsEmpty(), first)
	return fromFirst.Union(fromSecond)
}

// Marco lists all minimal failing and all maximal passing sets, as Liffiton
// and others do (2016): it takes a largest set about which nothing is known,
// and shrinks it with QuickXplain when it fails.
func Marco(n int, fails func(search.Set) bool) []search.Set {
	var cuts, passing []search.Set
	for {
		seed, ok := unexplored(n, cuts, passing)
		if !ok {
			return cuts
		}
		if !fails(seed) {
			passing = append(passing, seed)
			continue
		}
		cuts = append(cuts, quickXplain(fails, search.Set{}, false, seed.Members()))
	}
}

// unexplored is a largest set that contains no known cut and lies in no set
// known to pass.
func unexplored(n int, cuts, passing []search.Set) (search.Set, bool) {
	for _, gap := range hittingSets(cuts) {
		seed := search.All(n).Minus(gap)
		known := false
		for _, p := range passing {
			known = known || seed.SubsetOf(p)
		}
		if !known && !seed.IsEmpty() {
			return seed, true
		}
	}
	return search.Set{}, false
}

// hittingSets lists the minimal sets that share a member with each cut.
func hittingSets(cuts []search.Set) []search.Set {
	sets := []search.Set{{}}
	for _, cut := range cuts {
		var next []search.Set
		for _, s := range sets {
			if s.Intersects(cut) {
				next = append(next, s)
			}
		}
		kept := len(next)
		for _, s := range sets {
			for _, x := range cut.Members() {
				if longer := s.With(x); !s.Intersects(cut) && !containsAny(longer, next[:kept]) {
					next = append(next, longer)
				}
			}
		}
		sets = next
	}
	return sets
}

func containsAny(s search.Set, others []search.Set) bool {
	for _, other := range others {
		if other.SubsetOf(s) {
			return true
		}
	}
	return false
}

// singles makes a cut of each member.
func singles(s search.Set) []search.Set {
	var cuts []search.Set
	for _, x := range s.Members() {
		cuts = append(cuts, search.Of(x))
	}
	return cuts
}
