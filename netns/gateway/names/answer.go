package names

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// longestChain bounds how many aliases are followed; resolvers give up earlier.
const longestChain = 32

// Answered is what a DNS answer says of the name that was asked for.
type Answered struct {
	Name      string
	Aliases   []string     // the names that stand for it, sorted
	Addresses []netip.Addr // of all of these

	Query Question // that it answers, and Found whether with records; both are zero if it was overheard
	Found bool

	// Complete says that a client has no need to query the aliases: the addresses
	// come from A or AAAA records, and all aliases from CNAME records.
	Complete bool
}

// Canonical is a name as the table keeps it: lower case, without the trailing
// dot.
func Canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Resolved reads one DNS answer: the name that was asked for, and the addresses
// that it came to, whatever aliases lie between (CNAME, RFC 1034 section
// 3.6.2; the targets of HTTPS and SVCB records, RFC 9460). The address hints of
// the latter count, since clients connect to them without asking further. A
// message that is not an answer, or not one for the name of a host, says nothing.
func Resolved(answer *dns.Msg) Answered {
	if !answer.Response || len(answer.Question) != 1 {
		return Answered{}
	}
	name := Canonical(answer.Question[0].Name)
	if !IsHost(name) {
		return Answered{}
	}
	records := slices.Concat(answer.Answer, answer.Extra)
	meant := aliasesOf(name, records)
	found := Answered{Name: name}
	for _, record := range records {
		if meant[Canonical(record.Header().Name)] {
			found.Addresses = append(found.Addresses, addressesIn(record)...)
		}
	}
	found.Complete = complete(meant, records)
	delete(meant, name)
	found.Aliases = slices.Sorted(maps.Keys(meant))
	return found
}

func complete(meant map[string]bool, records []dns.RR) bool {
	addressed := false
	for _, record := range records {
		if !meant[Canonical(record.Header().Name)] {
			continue
		}
		switch record.(type) {
		case *dns.HTTPS, *dns.SVCB:
			return false
		case *dns.A, *dns.AAAA:
			addressed = true
		}
	}
	return addressed
}

// aliasesOf are the names that stand for the asked one in these records, itself
// included.
func aliasesOf(name string, records []dns.RR) map[string]bool {
	aliases := map[string]bool{name: true}
	for range longestChain {
		known := len(aliases)
		for _, record := range records {
			if target := targetOf(record); IsHost(target) && aliases[Canonical(record.Header().Name)] {
				aliases[target] = true
			}
		}
		if len(aliases) == known {
			return aliases
		}
	}
	return aliases
}

// targetOf is the name that a record sends the asker on to, or "".
func targetOf(record dns.RR) string {
	switch r := record.(type) {
	case *dns.CNAME:
		return Canonical(r.Target)
	case *dns.HTTPS:
		return Canonical(r.Target)
	case *dns.SVCB:
		return Canonical(r.Target)
	}
	return ""
}

func addressesIn(record dns.RR) []netip.Addr {
	switch r := record.(type) {
	case *dns.A:
		return parsed(r.A)
	case *dns.AAAA:
		return parsed(r.AAAA)
	case *dns.HTTPS:
		return hints(r.Value)
	case *dns.SVCB:
		return hints(r.Value)
	}
	return nil
}

func hints(values []dns.SVCBKeyValue) (addresses []netip.Addr) {
	for _, value := range values {
		switch hint := value.(type) {
		case *dns.SVCBIPv4Hint:
			for _, ip := range hint.Hint {
				addresses = append(addresses, parsed(ip)...)
			}
		case *dns.SVCBIPv6Hint:
			for _, ip := range hint.Hint {
				addresses = append(addresses, parsed(ip)...)
			}
		}
	}
	return addresses
}

func parsed(ip []byte) []netip.Addr {
	address, ok := netip.AddrFromSlice(ip)
	if !ok {
		return nil
	}
	return []netip.Addr{address.Unmap()}
}

// QueriedIn returns the name of the query that a DNS answer over UDP is for, from its
// beginning, and "" if it is not there.
func QueriedIn(payload []byte) string {
	const header, flags, response, count = 12, 2, 0x80, 5 // RFC 1035 section 4.1.1
	if len(payload) <= header || payload[flags]&response == 0 || payload[count] != 1 {
		return ""
	}
	name, _, err := dns.UnpackDomainName(payload, header)
	if err != nil {
		return ""
	}
	return Canonical(name)
}

// Overheard reads a DNS answer that passed on its way from another resolver,
// over UDP or in one segment of TCP. What cannot be read says nothing.
func Overheard(protocol string, payload []byte) Answered {
	const lengthPrefix = 2 // RFC 1035 section 4.2.2
	if protocol == "tcp" {
		if len(payload) < lengthPrefix {
			return Answered{}
		}
		payload = payload[lengthPrefix:]
	}
	var answer dns.Msg
	if answer.Unpack(payload) != nil {
		return Answered{}
	}
	return Resolved(&answer)
}
