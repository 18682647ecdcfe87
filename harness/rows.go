package harness

import "fmt"

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
	}
	return sorted
}

func firstSeen(trial Trial) string {
	if trial.Control() {
		return "control"
	}
	return fmt.Sprintf("trial %d", trial.Number)
}
