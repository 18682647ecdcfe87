package search

import "fmt"

// certificate is how much the passing sets certify: that the formula is exact, or how far it is proven.
func (t *theory) certificate(broken *Contradiction) (certified, sentence string) {
	const given = "given that blocking more never repairs"
	if broken == nil && t.suspects.IsEmpty() && len(t.open) == 0 && len(t.confirm()) == 0 && len(t.doubted) == 0 {
		ways, all := transversals(t.cuts, t.Transversals)
		if all && len(t.unproven(ways)) == 0 {
			return "exact", "No other set of destinations breaks it, " + given + "."
		}
		for order := t.Order; order > 0; order-- {
			if open, all := t.uncovered(order); all && len(open) == 0 {
				return fmt.Sprint("order ", order), fmt.Sprintf(
					"Any cut not listed here contains at least %d of the listed alternatives, %s.", order+1, given)
			}
		}
	}
	return "none", "Only what is listed is proven; the rest is open."
}

// qualify takes back a certificate that does not hold: nothing is certified if
// nothing was judged, nor if a destination was never tried while it was blocked,
// since one more set may break the scenario then.
func (e *Explanation) qualify(judged bool) {
	switch {
	case !judged:
		e.Certified, e.Sentence = "none", "Nothing was judged."
	case e.Certified != "none" && !e.NotExercised.IsEmpty():
		e.Certified = "none"
		e.Sentence = "This holds for the destinations that were tried while they were blocked. Those that were not may be needed, too."
	}
}
