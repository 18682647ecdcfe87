package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/attribution"
	"github.com/needwant/needwant/netns/gateway/names"
)

// table is what the device queried. A name becomes a row when it is answered with
// records: one that does not exist cannot be blocked.
type table struct {
	rows    map[string]*row
	blocked map[string]bool
	both    bool                       // the device queries for IPv6 addresses as well as for IPv4
	sunk    map[string][]netip.Addr    // names that the upstream resolver blocks, in this window
	extra   map[harness.Untested]int   // names beyond the limit
	queries int                        // of the device, in all
	private struct{ name, how string } // a resolver with encrypted queries whose address was answered
}

// row is one name.
type row struct {
	harness.Contact                 // of the window
	left            time.Time       // when an answer that has the name last left, also as an alias
	kinds           map[uint16]kind // of records
}

// kind is what is known of the device's queries for one kind of record of a name.
type kind int

const (
	queried kind = 1 + iota // here
	found                   // and answered with records
)

// The limits of what is recorded.
const (
	mostRows      = harness.MostDestinations
	mostAddresses = 64 // of a row
	mostAliases   = 32 // of a row
	mostKinds     = 16 // of a row
	mostSunk      = 256
	mostExtra     = 20

	mostSunkAddresses = 8 // of a name
)

func newTable() table {
	return table{rows: map[string]*row{}, sunk: map[string][]netip.Addr{}, extra: map[harness.Untested]int{}}
}

// open begins a window in which some names are blocked.
func (t *table) open(blocked map[string]bool) {
	t.blocked = blocked
	t.sunk, t.extra = map[string][]netip.Addr{}, map[harness.Untested]int{}
	for _, row := range t.rows {
		known := row.Contact
		row.Contact = harness.Contact{Destination: known.Destination, Addresses: known.Addresses, Aliases: known.Aliases, Named: known.Named, Private: known.Private}
	}
	for name := range blocked {
		t.row(name)
	}
}

// row is that of a name, which it makes if there is none.
func (t *table) row(name string) *row {
	known := t.rows[name]
	if known == nil {
		known = &row{kinds: map[uint16]kind{}, Contact: harness.Contact{
			Destination: harness.Destination{Protocol: harness.DNS, Name: name}, Named: "dns",
		}}
		t.rows[name] = known
	}
	return known
}

func (r *row) tried(now time.Time) {
	if r.First.IsZero() {
		r.First = now
	}
	r.Last = now
	r.Tries++
}

// asks records that the device queried for a kind of record.
func (r *row) asks(which uint16) {
	if r.kinds[which] == 0 && len(r.kinds) < mostKinds {
		r.kinds[which] = queried
	}
}

// query records a query that is to be answered.
func (t *table) query(query names.Question, now time.Time) {
	t.queries++
	t.both = t.both || query.Kind == dns.TypeAAAA
	if row := t.rows[query.Name]; row != nil {
		row.tried(now)
		row.asks(query.Kind)
	}
}

// addBlockedQuery records a query for a blocked name.
func (t *table) addBlockedQuery(query names.Question, now time.Time) {
	t.queries++
	t.both = t.both || query.Kind == dns.TypeAAAA
	if t.rows[query.Name] == nil && len(t.rows) >= mostRows {
		return
	}
	row := t.row(query.Name)
	row.tried(now)
	row.asks(query.Kind)
	row.Touched++
	if !t.forgotten(query, row, now) {
		return
	}
	if row.Attempted.IsZero() {
		row.Attempted = now
	}
	row.Attempts++
}

// forgotten reports whether the device can have no answer for a name left, when it
// queries for one: the query is an attempt then.
func (t *table) forgotten(query names.Question, row *row, now time.Time) bool {
	if now.Sub(row.left) < Memory {
		return false
	}
	bothKnown := row.kinds[dns.TypeA] > 0 && row.kinds[dns.TypeAAAA] > 0
	return row.kinds[query.Kind] == found && (!t.both || bothKnown)
}

// learn records an answer.
func (t *table) learn(answer names.Answered, now time.Time) {
	name, query := answer.Name, answer.Query
	if name == "" || !answer.Found || strings.HasSuffix(name, ".arpa") {
		return
	}
	addresses := t.sink(name, answer.Addresses)
	if len(addresses) == 0 && len(answer.Addresses) > 0 {
		return
	}
	if t.rows[name] == nil && len(t.rows) >= mostRows {
		t.leaveOut(addresses)
		return
	}
	first := t.rows[name] == nil
	row := t.row(name)
	if first {
		row.tried(now) // its query came before there was a row
	}
	if row.asks(query.Kind); row.kinds[query.Kind] > 0 {
		row.kinds[query.Kind] = found
	}
	row.Addresses = merged(row.Addresses, addresses, netip.Addr.Compare, mostAddresses)
	row.Aliases = merged(row.Aliases, answer.Aliases, cmp.Compare[string], mostAliases)
	if operator := names.Operator(name, row.Addresses); operator != "" {
		row.Private = "encrypted DNS at " + operator
	}
}

// leave records that an answer leaves now.
func (t *table) leave(query names.Question, now time.Time) {
	row := t.rows[query.Name]
	if row == nil {
		return
	}
	row.left = now
	for _, alias := range row.Aliases {
		if other := t.rows[alias]; other != nil {
			other.left = now
		}
	}
	if row.kinds[query.Kind] == found {
		row.Answered = true
		if row.Private != "" {
			t.private.name, t.private.how = query.Name, row.Private
		}
	}
}

// sink removes the addresses with which a resolver blocks a name, and records them.
func (t *table) sink(name string, addresses []netip.Addr) (usable []netip.Addr) {
	for _, address := range addresses {
		address = address.Unmap().WithZone("")
		if !attribution.Sinkholed(name, address, address.IsPrivate()) {
			usable = append(usable, address)
		} else if _, known := t.sunk[name]; known || len(t.sunk) < mostSunk {
			t.sunk[name] = merged(t.sunk[name], []netip.Addr{address}, netip.Addr.Compare, mostSunkAddresses)
		}
	}
	return usable
}

func (t *table) leaveOut(addresses []netip.Addr) {
	for _, to := range addresses {
		u := harness.Untested{What: fmt.Sprintf("DNS beyond %d names", mostRows), To: to}
		if _, known := t.extra[u]; known || len(t.extra) < mostExtra {
			t.extra[u]++
		}
	}
}

// merged is the union of two lists, sorted, with at most so many members.
func merged[T comparable](known, more []T, compare func(T, T) int, most int) []T {
	for _, one := range more {
		if len(known) >= most {
			break
		}
		if !slices.Contains(known, one) {
			known = append(slices.Clip(known), one)
		}
	}
	slices.SortFunc(known, compare)
	return known
}

// contacts are the rows that were queried in the window, sorted: those to judge, and
// those that are always blocked.
func (t *table) contacts(isAlways func(name string) bool) (judged, always []harness.Contact) {
	judged = []harness.Contact{}
	for _, name := range slices.Sorted(maps.Keys(t.rows)) {
		contact := t.rows[name].Contact
		switch {
		case contact.Tries == 0:
		case isAlways(name):
			always = append(always, contact)
		default:
			judged = append(judged, contact)
		}
	}
	slices.SortFunc(judged, func(a, b harness.Contact) int { return a.Destination.Compare(b.Destination) })
	return judged, always
}

func (t *table) sinkholes() (all []harness.Sinkhole) {
	for _, name := range slices.Sorted(maps.Keys(t.sunk)) {
		all = append(all, harness.Sinkhole{Name: name, Addresses: t.sunk[name]})
	}
	return all
}

func (t *table) untested() (all []harness.Untested) {
	for u, count := range t.extra {
		u.Packets = count
		all = append(all, u)
	}
	return harness.SumUntested(all)
}

// encrypted says that the device may resolve names elsewhere, if it may.
func (t *table) encrypted() string {
	if t.private.name == "" {
		return ""
	}
	return fmt.Sprintf("the device was given the address of %s (%s): what it resolves there is not blocked", t.private.name, t.private.how)
}
