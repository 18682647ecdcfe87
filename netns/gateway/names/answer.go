package names

import (
	"net/netip"

	"github.com/miekg/dns"
)

// longestChain bounds how many aliases are followed; resolvers give up earlier.
const longestChain = 32

// Resolved reads one DNS answer: the name that was asked for, and the addresses
// that it came to, whatever aliases lie between (CNAME, RFC 1034 section
// 3.6.2). The address hints of HTTPS and SVCB records (RFC 9460) count, since
// clients connect to them without asking further. A message that is no answer
// has no addresses.
func Resolved(answer *dns.Msg) (name string, addresses []netip.Addr) {
	if !answer.Response || len(answer.Question) != 1 {
		return "", nil
	}
	name = Canonical(answer.Question[0].Name)
	aliases := aliasesOf(name, answer.Answer)
	for _, record := range answer.Answer {
		if aliases[Canonical(record.Header().Name)] {
			addresses = append(addresses, addressesIn(record)...)
		}
	}
	return name, addresses
}

// aliasesOf are the names that stand for the asked one in these records.
func aliasesOf(name string, records []dns.RR) map[string]bool {
	aliases := map[string]bool{name: true}
	for range longestChain {
		known := len(aliases)
		for _, record := range records {
			if alias, ok := record.(*dns.CNAME); ok && aliases[Canonical(alias.Hdr.Name)] {
				aliases[Canonical(alias.Target)] = true
			}
		}
		if len(aliases) == known {
			return aliases
		}
	}
	return aliases
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

// Overheard reads a DNS answer that passed on its way from another resolver,
// over UDP or in one segment of TCP. What cannot be read says nothing.
func Overheard(protocol string, payload []byte) (name string, addresses []netip.Addr) {
	const lengthPrefix = 2 // RFC 1035 section 4.2.2
	if protocol == "tcp" {
		if len(payload) < lengthPrefix {
			return "", nil
		}
		payload = payload[lengthPrefix:]
	}
	var answer dns.Msg
	if answer.Unpack(payload) != nil {
		return "", nil
	}
	return Resolved(&answer)
}
