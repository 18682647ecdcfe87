package lab

import (
	"slices"
	"strings"
)

// The experiment assumes that blocking more never repairs a function. Only
// after can break that: a fallback is contacted because something else is
// blocked. So the check enumerates what after makes of the expressions.

// maxEnumerated bounds the destinations whose blocked sets are enumerated:
// 2^16 sets take about a tenth of a second.
const maxEnumerated = 16

// checkMonotone refuses a world where blocking more repairs a function, unless
// the world says so itself.
func (w World) checkMonotone() *flaw {
	if w.Monotone != nil && !*w.Monotone {
		return nil
	}
	for _, function := range functionNames() {
		steady := w.Functions.Of(function).mustParse()
		booting := &formula{operator: all, parts: []*formula{steady, w.Boot.Of(function).mustParse()}}
		for _, f := range []*formula{steady, booting} {
			if flaw := w.checkMonotoneFormula(function, f); flaw != nil {
				return flaw
			}
		}
	}
	return nil
}

func (w World) checkMonotoneFormula(function string, f *formula) *flaw {
	ids := w.matter(f)
	if !slices.ContainsFunc(ids, func(id string) bool { return len(w.Destinations[id].After) > 0 }) {
		return nil
	}
	if len(ids) > maxEnumerated {
		return flawAt(keys("functions", function), "make it depend on fewer, or write monotone: false",
			"%d destinations matter, and blocked sets of more than %d are not enumerated", len(ids), maxEnumerated)
	}
	before, more, found := newSituation(w, f, ids).repair()
	if !found {
		return nil
	}
	return flawAt(keys("functions", function), "change after or the expression, or write monotone: false",
		"with %s blocked, blocking %s as well repairs it", setName(before), more)
}

func setName(ids []string) string {
	if len(ids) == 0 {
		return "nothing"
	}
	return strings.Join(ids, " and ")
}

// matter lists the destinations that can change a formula, those before which
// stand after them.
func (w World) matter(f *formula) []string {
	var ids []string
	for _, operand := range f.operands() {
		ids = w.following(ids, operand.id)
	}
	return ids
}

// situation is a formula over numbered destinations, so that a blocked set is a
// number. The numbers are such that what a destination comes after is lower.
type situation struct {
	formula *formula
	ids     []string
	number  map[string]int
	after   []uint // for each destination, the set it comes after
}

func newSituation(w World, f *formula, ids []string) situation {
	s := situation{f, ids, map[string]int{}, make([]uint, len(ids))}
	for i, id := range ids {
		s.number[id] = i
		for _, other := range w.Destinations[id].After {
			s.after[i] |= 1 << s.number[other]
		}
	}
	return s
}

// repair looks for a blocked set that fails, and one destination more with
// which the formula holds.
func (s situation) repair() (before []string, more string, found bool) {
	holds := make([]bool, 1<<len(s.ids))
	for blocked := range uint(len(holds)) {
		holds[blocked] = s.holds(blocked)
		if !holds[blocked] {
			continue
		}
		for i, id := range s.ids {
			if less := blocked &^ (1 << i); less != blocked && !holds[less] {
				return s.names(less), id, true
			}
		}
	}
	return nil, "", false
}

// holds reports whether the formula is true once the device has settled with
// this set blocked.
func (s situation) holds(blocked uint) bool {
	var reached uint
	for i := range s.ids {
		if blocked&(1<<i) == 0 && reached&s.after[i] == 0 {
			reached |= 1 << i
		}
	}
	return s.formula.holds(func(id string) bool { return reached&(1<<s.number[id]) != 0 })
}

func (s situation) names(set uint) []string {
	var names []string
	for i, id := range s.ids {
		if set&(1<<i) != 0 {
			names = append(names, id)
		}
	}
	return names
}
