package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Sentence says in one line what a cell knows: "required (3 of 3 runs)", or each
// verdict with where it was found.
func (c Cell) Sentence() string {
	all := 0
	for _, claim := range c.Claims {
		all += len(claim.Witnesses)
	}
	if len(c.Claims) == 1 {
		return fmt.Sprintf("%s (%d of %d %s)", c.Claims[0].word(), all, all, plural(all, "run"))
	}
	var parts []string
	for _, claim := range c.Claims {
		parts = append(parts, fmt.Sprintf("%s in %d (%s)", claim.word(), len(claim.Witnesses), claim.Where()))
	}
	return strings.Join(parts, "; ")
}

// word is the verdict as a table has it.
func (c Claim) word() string {
	switch {
	case c.Verdict == "":
		return "not seen"
	case c.Of > 0:
		return fmt.Sprintf("%s: %d of %d", c.Verdict, c.Needed, c.Of)
	}
	return string(c.Verdict)
}

// Where lists the firmwares and regions of the witnesses, each pair once, with
// the regime and fault where those are not the usual ones.
func (c Claim) Where() string {
	var places []string
	for _, w := range c.Witnesses {
		place := w.Firmware + ", " + w.Region
		if w.Regime != "steady" {
			place += ", " + strings.ReplaceAll(string(w.Regime), "_", " ")
		}
		if w.Fault != "reject" {
			place += ", " + string(w.Fault)
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return strings.Join(places, "; ")
}

// Word is the verdict for a page.
func (c Claim) Word() string { return c.word() }

// Size is how much a catalog has, for example "1 device from 2 runs".
func Size(models []Model, all []Evidence) string {
	return fmt.Sprintf("%d %s from %d %s", len(models), plural(len(models), "device"), len(all), plural(len(all), "run"))
}

func plural(count int, word string) string {
	if count == 1 {
		return word
	}
	return word + "s"
}
