package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// nameOnly begins the id of a name, whatever its port.
const nameOnly = "dns/"

// allow is the list of sets as JSON has it: null if there is none.
func allow(sets [][]string) [][]string {
	if len(sets) == 0 {
		return nil
	}
	return each(sets, func(set []string) []string {
		return each(set, func(name string) string { return nameOnly + name })
	})
}

// onlySentence is the result of a run that tested the names of a blocklist: what to
// allow, e.g. "Allow these 2 and everything works: a.example and b.example."
func (r reading) onlySentence() string {
	var sentences []string
	switch {
	case r.Run.Status == harness.Failed && r.Run.Worked:
		sentences = append(sentences, r.brokeDown(), r.notYet())
	case r.Run.Status == harness.Failed:
		sentences = append(sentences, "Your list is not the cause, or not the only one: it does not work with the list switched off.")
	case len(r.Allow) == 0:
		sentences = append(sentences, r.notYet())
	case len(r.Allow[0]) > 0:
		sentences = append(sentences, r.allowed())
	case len(r.Rows) == 0:
		sentences = append(sentences, "Your list is not the cause, as far as was seen: the device contacted nothing that is on it.")
	default:
		sentences = append(sentences, r.notTheCause())
	}
	if open := r.untried(); open > 0 && len(r.Allow) > 0 {
		sentences = append(sentences, fmt.Sprintf("Nothing is proved of %s on it that the device did not try while blocked.", count(open, "destination")))
	}
	if ignored := r.Run.Only.Ignored; ignored > 0 {
		sentences = append(sentences, fmt.Sprintf("The list has %s that never block a name, which were left out.", count(ignored, "line")))
	}
	return strings.Join(sentences, " ")
}

// notTheCause says that nothing has to be allowed.
func (r reading) notTheCause() string {
	all := "all " + count(len(r.Rows), "destination") + " on it that the device contacts were"
	if len(r.Rows) == 1 {
		all = "the only destination on it that the device contacts was"
	}
	return "Your list is not the cause: " + all + " blocked at once, and everything worked."
}

// untried counts the rows with a cell that proves nothing.
func (r reading) untried() (open int) {
	for _, row := range r.Rows {
		if slices.ContainsFunc(r.Columns, func(c Column) bool { return row.Cells[c.ID].Verdict == harness.NotExercised }) {
			open++
		}
	}
	return open
}

// notYet says what is known while no set is proved to be enough.
func (r reading) notYet() string {
	var needed []string
	for _, cut := range r.Cuts {
		name := cut.Destinations[0].Name
		if len(cut.Destinations) == 1 && !slices.Contains(needed, name) {
			needed = append(needed, name)
		}
	}
	text := "It is not known yet which names to allow."
	if len(needed) > 0 {
		text += " So far needed: " + enumerate(needed) + "."
	}
	return text
}

// allowed says which names to allow.
func (r reading) allowed() string {
	sets := each(r.Allow, func(set []string) []string {
		return each(set, func(id string) string { return strings.TrimPrefix(id, nameOnly) })
	})
	common := slices.DeleteFunc(slices.Clone(sets[0]), func(name string) bool {
		return slices.ContainsFunc(sets, func(set []string) bool { return !slices.Contains(set, name) })
	})
	var choices []string // if the sets differ in one name
	for _, set := range sets {
		rest := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return slices.Contains(common, name) })
		if len(rest) == 1 {
			choices = append(choices, rest[0])
		}
	}
	switch {
	case len(sets) == 1 && len(common) == 1:
		return fmt.Sprintf("Allow %s and everything works.", common[0])
	case len(sets) == 1:
		return fmt.Sprintf("Allow these %d and everything works: %s.", len(common), enumerate(common))
	case len(choices) == len(sets) && len(common) == 0:
		return fmt.Sprintf("Any one of these %s is enough: allow %s, and everything works.", number(len(choices)), either(choices))
	case len(choices) == len(sets):
		return fmt.Sprintf("Allow %s, and any one of these %s: %s. Then everything works.", enumerate(common), number(len(choices)), enumerate(choices))
	}
	ways := fmt.Sprintf("%d other sets of %d are enough, too", len(sets)-1, len(sets[0]))
	if len(sets) == 2 {
		ways = "another set of as many is enough, too: " + enumerate(sets[1])
	}
	return fmt.Sprintf("Allow these %d and everything works: %s (%s).", len(sets[0]), enumerate(sets[0]), ways)
}

// either lists choices: "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
