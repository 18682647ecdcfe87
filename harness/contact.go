package harness

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Contact is what a gateway saw of one destination within a window of time.
type Contact struct {
	Destination Destination   `json:"destination"`
	Addresses   []netip.Addr  `json:"addresses,omitempty"`  // seen or answered for the name, sorted
	Collateral  []string      `json:"collateral,omitempty"` // other names on the same address and port, which a block hits too
	Aliases     []string      `json:"aliases,omitempty"`    // names that must resolve for it to resolve (CNAME), sorted
	Except      []string      `json:"except,omitempty"`     // if it stands for every name below a domain: the names there that are destinations of their own, sorted
	Listed      []string      `json:"listed,omitempty"`     // with a blocklist: its names there, sorted, by itself or as a CNAME
	Named       string        `json:"named,omitempty"`      // how the name is known: "dns" from an answer, "tls" from what a server was asked by; "" if there is none
	Private     string        `json:"private,omitempty"`    // how it answers questions for names that nobody can read along, as "DNS over TLS"; "" where it does not
	First       time.Time     `json:"first,omitzero"`       // first packet of the window
	Last        time.Time     `json:"last,omitzero"`
	Attempted   time.Time     `json:"attempted,omitzero"` // first of the attempts
	Quiet       time.Duration `json:"quiet,omitempty"`    // the longest time between two packets
	Tries       int           `json:"tries,omitempty"`    // fresh SYNs, datagrams or queries by the device
	Attempts    int           `json:"attempts,omitempty"` // of these, how many ran into the block
	Touched     int           `json:"touched,omitempty"`  // packets at the block, in either direction
	Stopped     int           `json:"stopped,omitempty"`  // of these, how many were on the way to the device
	Answered    bool          `json:"answered,omitempty"` // a reply came back to the device
}

// With adds up two windows on one destination, or two parts of one window.
func (c Contact) With(other Contact) Contact {
	return Contact{
		Destination: other.Destination,
		Addresses:   union(c.Addresses, other.Addresses, netip.Addr.Compare),
		Collateral:  union(c.Collateral, other.Collateral, cmp.Compare[string]),
		Aliases:     union(c.Aliases, other.Aliases, cmp.Compare[string]),
		Except:      union(c.Except, other.Except, cmp.Compare[string]),
		Listed:      union(c.Listed, other.Listed, cmp.Compare[string]),
		Named:       cmp.Or(c.Named, other.Named),
		Private:     cmp.Or(c.Private, other.Private),
		First:       earliest(c.First, other.First),
		Last:        latest(c.Last, other.Last),
		Attempted:   earliest(c.Attempted, other.Attempted),
		Quiet:       max(c.Quiet, other.Quiet, c.before(other), other.before(c)),
		Tries:       c.Tries + other.Tries,
		Attempts:    c.Attempts + other.Attempts,
		Touched:     c.Touched + other.Touched,
		Stopped:     c.Stopped + other.Stopped,
		Answered:    c.Answered || other.Answered,
	}
}

// before is the time from the last packet of a part to the first of a later one; 0 or less
// if they overlap.
func (c Contact) before(other Contact) time.Duration {
	if c.Last.IsZero() || other.First.IsZero() {
		return 0
	}
	return other.First.Sub(c.Last)
}

// silent reports whether the device sent nothing: all that was seen are packets of the
// other end, which the block stopped.
func (c Contact) silent() bool {
	return c.Tries == 0 && !c.Answered && c.Stopped > 0 && c.Stopped == c.Touched
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

// OnList divides contacts into those with a name on a blocklist, which is noted, and
// the others. Listed finds the names of one; nil makes all of them listed.
func OnList(contacts []Contact, listed func(Contact) []string) (on, off []Contact) {
	if listed == nil {
		return contacts, nil
	}
	on = []Contact{}
	for _, contact := range contacts {
		if contact.Listed = listed(contact); len(contact.Listed) == 0 {
			off = append(off, contact)
			continue
		}
		on = append(on, contact)
	}
	return on, off
}
