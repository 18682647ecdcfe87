package blocklist

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/needwant/needwant/harness"
)

// List is a blocklist. It may be used from several goroutines.
type List struct {
	Source  string // the file
	SHA256  string // of the text, in hexadecimal
	Entries int    // that block or allow names
	Ignored int    // lines that never block a name, for example rules for web pages
	First   int    // the first line that was ignored; 0 if none was

	rules    map[string]mark
	allowed  []string // names with a rule that allows them
	patterns []pattern
}

// mark is what the list says of one name. In dnsmasq, RPZ and Unbound the longest name
// decides; in AdBlock an exception goes before every block.
type mark uint16

const (
	block       mark   = 1 << iota // the name itself
	allow                          // the name itself
	except                         // an exception of AdBlock
	force                          // a block of AdBlock with $important
	exceptForce                    // an exception with $important
	kinds       = iota             // each again, shifted by this, for the names below

	own     = mark(1<<kinds - 1)
	allows  = allow | except | exceptForce
	regular = block | allow
)

// below turns marks of a name itself into those of the names below it.
func (m mark) below() mark { return m & own << kinds }

// pattern is a rule of AdBlock that is more than a name.
type pattern struct {
	expression *regexp.Regexp
	mark       mark
}

// Blocks reports whether the list blocks a name, which is in small letters and has no
// dot at its end.
func (l *List) Blocks(name string) bool {
	var all, nearest mark
	for domain, isBelow := name, false; domain != ""; isBelow = true {
		m := l.rules[domain] & own
		if isBelow {
			m = l.rules[domain] >> kinds
		}
		if all |= m; nearest == 0 {
			nearest = m & regular
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	adblock := mark(0)
	for _, p := range l.patterns {
		if p.expression.MatchString(name) {
			adblock |= p.mark
		}
	}
	all |= adblock
	switch {
	case all&exceptForce != 0:
		return false
	case all&force != 0:
		return true
	case all&except != 0:
		return false
	}
	return nearest&block != 0 || adblock&block != 0
}

// BlocksBelow reports whether the list surely blocks every name below a domain.
func (l *List) BlocksBelow(domain string) bool {
	for _, name := range l.allowed {
		if strings.HasSuffix(name, "."+domain) {
			return false
		}
	}
	for _, p := range l.patterns {
		if p.mark&allows != 0 {
			return false
		}
	}
	return l.Blocks("any."+domain) && l.ruled(domain)
}

// ruled reports whether a rule is about all names below a domain, and not only about
// some.
func (l *List) ruled(domain string) bool {
	for ; domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if l.rules[domain]&(block|force).below() != 0 {
			return true
		}
	}
	return false
}

// Listed are the names of a contact that the list blocks: its own, or one that must
// resolve for it to resolve (CNAME). None means that the contact is not on the list.
// What stands for every name below a domain is on it only if all of them are.
func (l *List) Listed(c harness.Contact) (names []string) {
	name := c.Destination.Name
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	domain, wide := c.Destination.Domain()
	if wide && l.BlocksBelow(domain) || !wide && l.Blocks(name) {
		names = append(names, name)
	}
	for _, alias := range c.Aliases {
		if l.Blocks(alias) {
			names = append(names, alias)
		}
	}
	return names
}

// Finder is [List.Listed] as a gateway takes it; nil if there is no list.
func (l *List) Finder() func(harness.Contact) []string {
	if l == nil {
		return nil
	}
	return l.Listed
}
