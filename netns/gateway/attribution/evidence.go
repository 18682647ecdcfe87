package attribution

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/netns/gateway/names"
	"github.com/needwant/needwant/netns/gateway/watch"
)

// Several names may share an address. What tells which of them a port belongs to:
//
//   - the SNI of TLS handshakes, which also names addresses that no answer named;
//   - what the device queried last before it began to contact the port;
//   - the rows of an earlier run.

// evidence is what is known of one name at one place.
type evidence struct {
	sni     bool
	earlier bool
	begun   int    // how often the device began to contact the place right after the answer for the name
	counted uint64 // the answer that was counted last
}

// delivered is an answer that the device got.
type delivered struct {
	number uint64
	names  []string // that it was for
	at     time.Time
}

// The rules for what the device queried last. A device may query two names at once, so
// that single cases prove nothing. A place is not a name's if the name has a better
// place, and the place a better name: each at least decisiveTries times, and
// decisiveRatio times as often. So every name keeps a place.
const (
	soonAfter     = names.LongestTTL + time.Second
	decisiveTries = 3
	decisiveRatio = 2
)

// mostEvidence limits the places and names of one address, mostWitnessed the
// addresses, and mostProof the places and names of all. If there are too many
// addresses, or too much evidence, all of it is dropped.
const (
	mostEvidence  = 256
	mostWitnessed = 8192
	mostProof     = 65536
)

// at is the evidence for a name at a place, to write to; nil if there is too much.
func (t *Table) at(place watch.Place, name string) *evidence {
	address := plain(place.Addr())
	key := service{place, name}
	if e := t.evidence[address][key]; e != nil || len(t.evidence[address]) >= mostEvidence {
		return e
	}
	if t.proof >= mostProof || len(t.evidence) >= mostWitnessed && t.evidence[address] == nil {
		clear(t.evidence)
		t.proof = 0
	}
	if t.evidence[address] == nil {
		t.evidence[address] = map[service]*evidence{}
	}
	t.proof++
	t.evidence[address][key] = &evidence{}
	return t.evidence[address][key]
}

// service is a name at a place.
type service struct {
	place watch.Place
	name  string
}

// SNI records the server name of a TLS handshake at a place. It names the address
// if no DNS answer did. The doubt, "" if there is none, says that the device
// reached a blocked name at an address that was not known to be that name's.
func (t *Table) SNI(place watch.Place, text string) (change Change, doubt string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	address := plain(place.Addr())
	if !t.foreign(address) {
		return Change{}, ""
	}
	name := t.domains.Row(text)
	unnamed := t.names.Hear(name, address)
	known := t.names.Names(address)
	if unnamed || slices.Contains(known, name) {
		if e := t.at(place, name); e != nil {
			e.sni = true
		}
	}
	if t.blocked.bars(place, name) && !(slices.Contains(known, name) && t.blocked.byName[name] != nil) {
		doubt = fmt.Sprintf("it reached %s at %s, where no answer had said that it is", text, place.AddrPort)
	}
	if unnamed {
		change = t.learn(name, []netip.Addr{address})
	}
	return change, doubt
}

// Delivered records that the device got the answer to a query. It must be called in
// the order in which packets passed, together with [Table.Began].
func (t *Table) Delivered(query string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	query = t.domains.Row(names.Canonical(query))
	n := t.names.names[query]
	if n == nil {
		return
	}
	t.delivered.number++
	t.delivered.names, t.delivered.at = t.names.Meant(query), time.Now()
	for _, address := range n.last {
		if len(t.latest) >= mostWitnessed {
			clear(t.latest)
		}
		t.latest[address] = t.delivered
	}
}

// Answers for different names that share an address go to the device this far apart,
// so that it is clear which of them it acts on: most devices connect within a few
// milliseconds. That is done a limited number of times for each address.
const (
	spacing     = 20 * time.Millisecond
	mostSpacing = 20
)

// spaced is when an address was last answered, for which name.
type spaced struct {
	name  string
	at    time.Time
	count int // how often an answer had to wait
}

// Space returns how long an answer, which was recorded, has to wait before it goes to
// the device.
func (t *Table) Space(answer names.Answered) (wait time.Duration) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	name, now := t.domains.Row(answer.Name), time.Now()
	addresses := t.usable(answer.Addresses)
	for _, address := range addresses {
		if last := t.spaced[address]; last.name != name && last.count < mostSpacing {
			wait = max(wait, last.at.Add(spacing).Sub(now))
		}
	}
	for _, address := range addresses {
		if len(t.spaced) >= mostWitnessed {
			clear(t.spaced)
		}
		count := t.spaced[address].count
		if wait > 0 {
			count++
		}
		t.spaced[address] = spaced{name, now.Add(wait), count}
	}
	return wait
}

// Began records that the device began to contact a place.
func (t *Table) Began(place watch.Place) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	address := plain(place.Addr())
	t.names.Use(address)
	latest, ok := t.latest[address]
	if !ok || time.Since(latest.at) > soonAfter || len(t.names.addresses[address]) < 2 {
		return
	}
	for _, name := range latest.names {
		if e := t.at(place, name); e != nil && e.counted != latest.number {
			e.begun++
			e.counted = latest.number
		}
	}
}

// candidates are the names of an address that a place may have: those that were
// the SNI there, or else those that are not known to be at other ports only.
func (t *Table) candidates(place watch.Place, known []string) []string {
	here := slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		e := t.evidence[plain(place.Addr())][service{place, name}]
		return e == nil || !e.sni
	})
	if len(here) > 0 {
		return union(here, nil)
	}
	if others := t.notElsewhere(place, known); len(others) > 0 {
		return others
	}
	return known
}

// notElsewhere leaves out the names that are known to be at other ports of the
// address only.
func (t *Table) notElsewhere(place watch.Place, known []string) []string {
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return t.elsewhere(place, name) })
}

func (t *Table) elsewhere(place watch.Place, name string) bool {
	var here evidence
	shown, otherPlace, otherName := false, 0, 0
	for key, e := range t.evidence[plain(place.Addr())] {
		switch {
		case key.place == place && key.name == name:
			here = *e
		case key.place == place:
			otherName = max(otherName, e.begun)
		case key.name == name:
			shown = shown || e.sni || e.earlier
			otherPlace = max(otherPlace, e.begun)
		}
	}
	if here.sni || here.earlier {
		return false
	}
	least := max(decisiveTries, decisiveRatio*here.begun)
	return shown && here.begun < decisiveTries || otherPlace >= least && otherName >= least
}

// likeliest is the name that a place most probably has: the one after whose answers
// the device contacted it most often, or else the first in the alphabet, so that
// lanes agree.
func (t *Table) likeliest(place watch.Place, known []string) string {
	all := t.evidence[plain(place.Addr())]
	begun := func(name string) int {
		if e := all[service{place, name}]; e != nil && e.begun >= decisiveTries {
			return e.begun
		}
		return 0
	}
	return slices.MinFunc(known, func(a, b string) int {
		return cmp.Or(cmp.Compare(begun(b), begun(a)), cmp.Compare(a, b))
	})
}
