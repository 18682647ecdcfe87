package search

import "fmt"

// certificate is how much the passing sets certify: "exact" if no other set breaks the scenario, "order K"
// if any cut that is not known has more than K of the alternatives, and "none" otherwise. Both are given
// that blocking more never repairs the device.
func (t *theory) certificate(broken *Contradiction) string {
	if broken == nil && t.suspects.IsEmpty() && len(t.open) == 0 && len(t.confirm()) == 0 && len(t.doubted) == 0 {
		ways, all := transversals(t.cuts, t.Transversals)
		if all && len(t.unproven(ways)) == 0 {
			return "exact"
		}
		for order := t.Order; order > 0; order-- {
			if open, all := t.uncovered(order); all && len(open) == 0 {
				return fmt.Sprint("order ", order)
			}
		}
	}
	return "none"
}

// qualify takes back a certificate that does not hold: nothing is certified if
// nothing was judged, nor if a destination was never tried while it was blocked,
// since one more set may break the scenario then.
func (e *Explanation) qualify(judged bool) {
	if !judged || !e.NotExercised.IsEmpty() {
		e.Certified = "none"
	}
}
