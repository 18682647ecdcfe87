package chains

import "strconv"

// Echo is how one family's ICMP calls echo requests and their replies.
type Echo struct {
	Protocol string // as iptables names it
	Number   uint8  // of the protocol, in the IP header
	Asks     uint8  // type of an echo request
	Answers  uint8  // type of an echo reply
	flag     string // of iptables, for the type
}

// EchoOf is that of a family (RFC 792, RFC 4443).
func EchoOf(family Family) Echo {
	if family == IPv6 {
		return Echo{Protocol: "ipv6-icmp", Number: 58, Asks: 128, Answers: 129, flag: "--icmpv6-type"}
	}
	return Echo{Protocol: "icmp", Number: 1, Asks: 8, Answers: 0, flag: "--icmp-type"}
}

// Request matches echo requests.
func (e Echo) Request() Rule { return e.Of(e.Asks) }

// Reply matches echo replies.
func (e Echo) Reply() Rule { return e.Of(e.Answers) }

// Of matches messages of one type of this ICMP.
func (e Echo) Of(kind uint8) Rule {
	return Rule{"-p", e.Protocol, e.flag, strconv.Itoa(int(kind))}
}
