package chains

import (
	"fmt"
	"net/netip"
	"strings"
)

// Marker is the comment of each of our rules in the kernel's own chains.
const Marker = "needwant"

// OwnPrefix begins the name of every chain of the gateway.
const OwnPrefix = "NEEDWANT"

// Family is one of the two rule sets of the kernel.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families are both, in the order in which they are written.
func Families() []Family { return []Family{IPv4, IPv6} }

// FamilyOf is the family whose rules see packets of this address.
func FamilyOf(address netip.Addr) Family {
	if address.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

func (f Family) String() string { return fmt.Sprintf("IPv%d", int(f)) }

// Rule is what follows the chain's name on the command line of iptables.
type Rule []string

// Rulef writes a rule as on the command line: fmt.Sprintf, split at blanks.
func Rulef(format string, values ...any) Rule {
	return strings.Fields(fmt.Sprintf(format, values...))
}

// Chain is one chain of ours.
type Chain struct {
	Table string // "filter", "mangle" or "nat"
	Name  string // at most 28 bytes
	Hooks []Hook // jumps to it, which stand first in their chains, in this order
	Rules []Rule
}

// Hook is a jump from one of the kernel's own chains.
type Hook struct {
	From  string // "FORWARD"
	Match Rule   // what it is limited to; nil for everything
}

// On is the hook for everything that passes a chain of the kernel.
func On(from string) Hook { return Hook{From: from} }

// Prefixes is the comma list of the prefixes of one family, as -s and -d take
// it; "" where there are none.
func Prefixes(family Family, prefixes []netip.Prefix) string {
	var own []string
	for _, prefix := range prefixes {
		if FamilyOf(prefix.Addr()) == family {
			own = append(own, prefix.Masked().String())
		}
	}
	return strings.Join(own, ",")
}
