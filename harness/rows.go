package harness

import (
	"fmt"
	"maps"
	"slices"
)

// rows are the destinations of a run with all that was seen of them.
func (h history) rows() []Row {
	rows := make([]Row, len(h.universe))
	for _, result := range h.run.Results {
		for _, contact := range result.Seen.Contacts {
			row := &rows[h.index[contact.Destination]]
			if row.FirstSeen == "" {
				row.FirstSeen = firstSeen(result.Trial)
			}
			row.Contact = row.Contact.With(contact)
		}
	}
	for _, contact := range h.run.imported() {
		row := &rows[h.index[contact.Destination]]
		if row.FirstSeen != control {
			row.FirstSeen = imported
		}
		row.Contact = row.Contact.With(contact)
	}
	sorted := make([]Row, len(rows))
	for i, index := range h.order {
		sorted[i] = rows[index]
		sorted[i].Contact.Destination = h.universe[index]
		sorted[i].Contact = h.tidied(sorted[i].Contact)
		sorted[i].Clock = h.clocks[index]
	}
	return sorted
}

// Contacts are the destinations of a run as they were seen, sorted, each with
// everything that was seen of it. Those that were imported have no addresses besides
// those that the run saw: a log may be old, and its addresses may have other names now.
func (r Run) Contacts() []Contact {
	seen := map[Destination]Contact{}
	for _, contact := range r.imported() {
		contact.Addresses = nil
		seen[contact.Destination] = contact
	}
	for _, result := range r.Results {
		for _, contact := range result.Seen.Contacts {
			seen[contact.Destination] = seen[contact.Destination].With(contact)
		}
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b Contact) int { return a.Destination.Compare(b.Destination) })
}

// imported are the destinations that were known before the run, without those that are
// always blocked, which are not tested.
func (r Run) imported() []Contact {
	return slices.DeleteFunc(slices.Clone(r.Settings.Seen), func(c Contact) bool {
		return slices.ContainsFunc(r.Settings.Always, func(p Pattern) bool { return p.Matches(c.Destination, c.Addresses...) })
	})
}

// Where a row was first seen, if it was not a trial that blocked something.
const (
	control  = "control"
	imported = "import" // it is in [Settings.Seen], and no control saw it first
)

func firstSeen(trial Trial) string {
	if trial.Control() {
		return control
	}
	return fmt.Sprintf("trial %d", trial.Number)
}
