package harness

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
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
			row.Contact = mergeContacts(row.Contact, contact)
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

// mergeContacts adds up two windows on one destination.
func mergeContacts(a, b Contact) Contact {
	return Contact{
		Destination: b.Destination,
		Addresses:   union(a.Addresses, b.Addresses, netip.Addr.Compare),
		Collateral:  union(a.Collateral, b.Collateral, cmp.Compare[string]),
		First:       earliest(a.First, b.First),
		Last:        latest(a.Last, b.Last),
		Tries:       a.Tries + b.Tries,
		Attempts:    a.Attempts + b.Attempts,
		Touched:     a.Touched + b.Touched,
		Answered:    a.Answered || b.Answered,
	}
}

func union[T comparable](a, b []T, compare func(T, T) int) []T {
	all := slices.Concat(a, b)
	slices.SortFunc(all, compare)
	return slices.Compact(all)
}

// earliest is the earlier of two times, where zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
