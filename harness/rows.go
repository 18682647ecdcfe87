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
	sorted := make([]Row, len(rows))
	for i, index := range h.order {
		sorted[i] = rows[index]
		sorted[i].Contact.Destination = h.universe[index]
		sorted[i].Contact = h.tidied(sorted[i].Contact)
	}
	return sorted
}

// Contacts are the destinations of a run as they were seen, sorted, each with
// everything that was seen of it.
func (r Run) Contacts() []Contact {
	seen := map[Destination]Contact{}
	for _, result := range r.Results {
		for _, contact := range result.Seen.Contacts {
			seen[contact.Destination] = seen[contact.Destination].With(contact)
		}
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b Contact) int { return a.Destination.Compare(b.Destination) })
}

func firstSeen(trial Trial) string {
	if trial.Control() {
		return "control"
	}
	return fmt.Sprintf("trial %d", trial.Number)
}
