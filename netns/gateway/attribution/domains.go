package attribution

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/needwant/needwant/harness"
)

// Some devices query a new name each time, for example with a random label. As
// destinations of their own such names would never be contacted again, and so never
// be tested. They are one destination, *.DOMAIN, which stands for every name below
// the domain.
//
// A domain is such a one after [manyNames] names below it were answered, over at
// least [manyNamesOver], none of which was answered again later than
// [sameQuery] after its first answer. Names below the domain that did come back by
// then stay destinations of their own. Both hold for as long as the table does.
const (
	manyNames     = 16
	manyNamesOver = 30 * time.Second
	sameQuery     = 10 * time.Second // queries for A, AAAA and HTTPS, and repetitions, are one
)

// The limits of what is recorded about domains.
const (
	mostDomains    = 2048 // whose new names are counted
	mostWide       = 256  // with a destination *.DOMAIN
	mostCandidates = 128  // names of one domain, which came at least candidateEvery apart
	candidateEvery = (manyNamesOver + sameQuery) / 80
	deepestDomain  = 4 // labels above a name that are looked at
)

// domains finds the domains whose names do not repeat. It is under the lock of its
// [Table].
type domains struct {
	names      *nameTable
	candidates map[string][]string // by domain: names below it that did not come back, in the order of their first answer
	wide       map[string]bool     // the domains with a destination *.DOMAIN
	joins      func(domain string) bool
}

// newDomains finds the domains among those whose names may be joined.
func newDomains(names *nameTable, joins func(domain string) bool) *domains {
	return &domains{names: names, joins: joins, candidates: map[string][]string{}, wide: map[string]bool{}}
}

const wildcard = "*."

// Row is the name of the destination that a name belongs to: *.DOMAIN, or the name.
func (d *domains) Row(text string) string {
	if n := d.names.names[text]; n != nil && n.returned {
		return text
	}
	for domain := text; domain != ""; {
		_, domain, _ = strings.Cut(domain, ".")
		if d.wide[domain] {
			return wildcard + domain
		}
	}
	return text
}

// Answered counts an answer for a name, and reports whether the name now belongs to
// another destination.
func (d *domains) Answered(text string) (moved bool) {
	n, now := d.names.get(text), time.Now()
	switch {
	case n.returned:
	case n.first.IsZero():
		n.first = now
		return d.count(text)
	case now.Sub(n.first) >= sameQuery:
		n.returned = true
	}
	return false
}

// count adds a new name to the domains above it.
func (d *domains) count(text string) bool {
	for _, domain := range above(text) {
		if !d.joins(domain) {
			continue
		}
		if len(d.candidates) >= mostDomains && d.candidates[domain] == nil {
			clear(d.candidates)
		}
		d.candidate(domain, text)
		if d.neverRepeat(domain) {
			d.Widen(domain)
			return true
		}
	}
	return false
}

// candidate counts a new name for one domain. Names that come quickly, one after
// another, are not all counted, so that a short list covers the time that is needed.
func (d *domains) candidate(domain, text string) {
	list := d.candidates[domain]
	if len(list) > 0 {
		latest := d.names.names[list[len(list)-1]]
		if latest != nil && time.Since(latest.first) < candidateEvery {
			return
		}
	}
	if len(list) >= mostCandidates {
		list = slices.Delete(list, 0, 1)
	}
	d.candidates[domain] = append(list, text)
}

// above are the domains that a name is below, the longest first, without public
// suffixes such as com and co.uk, below which are the names of strangers.
func above(text string) (domains []string) {
	suffix, _ := publicsuffix.PublicSuffix(text)
	_, domain, _ := strings.Cut(text, ".")
	for len(domain) > len(suffix) && len(domains) < deepestDomain {
		domains = append(domains, domain)
		_, domain, _ = strings.Cut(domain, ".")
	}
	return domains
}

// neverRepeat reports whether the names below a domain do not repeat.
func (d *domains) neverRepeat(domain string) bool {
	now := time.Now()
	var first, last time.Time
	count := 0
	d.candidates[domain] = slices.DeleteFunc(d.candidates[domain], func(text string) bool {
		n := d.names.names[text]
		return n == nil || n.returned
	})
	for _, text := range d.candidates[domain] {
		if answered := d.names.names[text].first; now.Sub(answered) >= sameQuery {
			if count++; count == 1 {
				first = answered
			}
			last = answered
		}
	}
	return count >= manyNames && last.Sub(first) >= manyNamesOver
}

// Widen makes one destination of the names below a domain, except for those that came
// back.
func (d *domains) Widen(domain string) {
	if d.wide[domain] || len(d.wide) >= mostWide {
		return
	}
	d.wide[domain] = true
	delete(d.candidates, domain)
	row := d.names.get(wildcard + domain)
	row.own, row.returned = true, true
	for _, text := range d.below(domain) {
		n, narrower := d.names.names[text], strings.HasPrefix(text, wildcard)
		if n == nil { // there are too many names
			continue
		}
		delete(d.wide, strings.TrimPrefix(text, wildcard))
		if narrower || !n.returned {
			d.names.Learn(wildcard+domain, d.names.Addresses(text))
			d.names.Alias(wildcard+domain, n.below, true)
			d.names.drop(text)
		}
	}
}

// Except lists the names below a destination *.DOMAIN that are destinations of their
// own.
func (d *domains) Except(row harness.Destination) []string {
	domain, wide := row.Domain()
	if !wide {
		return nil
	}
	return slices.DeleteFunc(d.below(domain), func(text string) bool { return !d.names.names[text].own })
}

// Excepted reports whether a name is a destination of its own although it is below a
// destination *.DOMAIN.
func (d *domains) Excepted(text string) bool {
	n := d.names.names[text]
	if n == nil || !n.returned {
		return false
	}
	for domain := text; domain != ""; {
		if _, domain, _ = strings.Cut(domain, "."); d.wide[domain] {
			return true
		}
	}
	return false
}

// below lists the names below a domain, sorted.
func (d *domains) below(domain string) (below []string) {
	for text := range d.names.names {
		if strings.HasSuffix(text, "."+domain) && text != wildcard+domain {
			below = append(below, text)
		}
	}
	slices.Sort(below)
	return below
}
