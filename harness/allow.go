package harness

import (
	"maps"
	"slices"

	"github.com/needwant/needwant/harness/search"
)

// The limits of what is searched for sets to allow.
const (
	mostAllowed = 64      // sets that are listed
	mostLooked  = 100_000 // sets that are looked at
)

// allow finds the smallest sets of names to allow so that every scenario works: those
// that leave no cut whole, if it is proved that everything else can be blocked. One
// empty set means that nothing has to be allowed, none that it is not known yet. A run
// without a trial that counts knows nothing.
func (j *judge) allow() [][]string {
	if j.run.Settings.Only == nil || j.run.Status == Failed || len(j.trusted()) == 0 {
		return nil
	}
	a := allowance{judge: j}
	a.all, a.units = j.units()
	if j.run.Settings.First {
		if allowed, known := j.first(); known {
			a.found = []search.Set{allowed}
			return a.names()
		}
	}
	for size := 0; size <= len(a.units) && a.found == nil && a.ways < mostLooked; size++ {
		a.extend(search.Set{}, size)
	}
	return a.names()
}

// allowance is a search for sets to allow. The rows of one name, or of names that only
// help together, are allowed together: a unit.
type allowance struct {
	*judge
	units []search.Set
	all   search.Set
	found []search.Set
	ways  int
}

// extend looks for all sets with so many more units.
func (a *allowance) extend(allowed search.Set, units int) {
	if a.ways++; a.ways > mostLooked || len(a.found) >= mostAllowed {
		return
	}
	cut, left := a.whole(allowed)
	switch {
	case !left && a.works(allowed):
		if !slices.ContainsFunc(a.found, allowed.Equal) {
			a.found = append(a.found, allowed)
		}
	case left && units > 0:
		for _, unit := range a.units {
			if !unit.Intersect(cut).IsEmpty() {
				a.extend(allowed.Union(unit), units-1)
			}
		}
	}
}

// whole finds a cut of which nothing is allowed.
func (a *allowance) whole(allowed search.Set) (cut search.Set, ok bool) {
	for _, explanation := range a.explanations {
		for _, cut := range explanation.Cuts {
			if cut.Members.Intersect(allowed).IsEmpty() {
				return cut.Members, true
			}
		}
	}
	return search.Set{}, false
}

// works reports whether every scenario is known to work with all the rest blocked.
func (a *allowance) works(allowed search.Set) bool {
	blocked := a.all.Minus(allowed)
	for _, explanation := range a.explanations {
		if explanation.Contradiction != nil || !slices.ContainsFunc(explanation.Passing, blocked.SubsetOf) {
			return false
		}
	}
	return len(a.explanations) > 0
}

// names are the names of the sets, sorted.
func (a *allowance) names() (sets [][]string) {
	for _, allowed := range a.found {
		set := map[string]bool{}
		for _, row := range a.judge.rows() {
			for _, name := range row.Contact.Listed {
				if allowed.Has(a.index[row.Contact.Destination]) {
					set[name] = true
				}
			}
		}
		sets = append(sets, append([]string{}, slices.Sorted(maps.Keys(set))...))
	}
	slices.SortFunc(sets, slices.Compare)
	return sets
}
