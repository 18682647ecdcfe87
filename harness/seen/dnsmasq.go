package seen

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// dnsmasqLine reads a line of dnsmasq with log-queries, e.g.
//
//	Nov 26 20:46:50 dnsmasq[1]: query[A] ot.io.mi.com from 192.168.1.50
//	Nov 26 20:46:50 dnsmasq[1]: reply ot.io.mi.com is <CNAME>
//	Nov 26 20:46:50 dnsmasq[1]: reply a.example.net is 203.0.113.7
//	Nov 26 20:46:50 dnsmasq-dhcp[1]: DHCPACK(br0) 192.168.1.50 7c:49:eb:00:00:01 s50
//
// With log-queries=extra, a number and the client's address and port are before
// "query" and "reply". On a terminal, the number of the process is left out.
func dnsmasqLine(t *Table, line string, in *input) lineIs {
	part, text, ok := dnsmasqText(line)
	if !ok {
		return other
	}
	words := strings.Fields(text)
	if part == "-dhcp" {
		return dhcpLine(t, words)
	}
	client := netip.Addr{}
	if len(words) > 2 && strings.Contains(words[1], "/") { // log-queries=extra
		address, _, _ := strings.Cut(words[1], "/")
		client, _ = netip.ParseAddr(address)
		words = words[2:]
	}
	switch {
	case len(words) == 4 && strings.HasPrefix(words[0], "query[") && words[2] == "from":
		return in.dnsQuery(t, line, words)
	case len(words) >= 4 && words[2] == "is" && slices.Contains([]string{"reply", "cached", "cached-stale", "config"}, words[0]):
		return dnsReply(t, client, words[1], words[3], in)
	}
	return idle
}

// dnsmasqText returns what dnsmasq wrote in a line, and by which of its parts: "" for DNS,
// "-dhcp", and others. ok is false for a line of another program.
func dnsmasqText(line string) (part, text string, ok bool) {
	const program = "dnsmasq"
	for at := strings.Index(line, program); at >= 0; at = strings.Index(line, program) {
		line = line[at+len(program):]
		tag, after, found := strings.Cut(line, ": ")
		name, process, numbered := strings.Cut(tag, "[")
		if number, closed := strings.CutSuffix(process, "]"); numbered {
			_, err := strconv.ParseUint(number, 10, 32)
			found = found && closed && err == nil
		}
		if found && slices.Contains([]string{"", "-dhcp", "-tftp", "-script"}, name) {
			return name, after, true
		}
	}
	return "", "", false
}

func (in *input) dnsQuery(t *Table, line string, words []string) lineIs {
	in.alias, in.queries = alias{}, in.queries+1
	from, err := netip.ParseAddr(words[3])
	if err != nil {
		return damaged
	}
	if kind := strings.TrimSuffix(strings.TrimPrefix(words[0], "query["), "]"); kind != "PTR" {
		t.Query(stamp(line, in.options.Now), from, words[1], 1)
	}
	return record
}

// alias is a chain of CNAME answers: dnsmasq writes one line after another, the name
// that was queried first.
type alias struct {
	queried string
	client  netip.Addr
}

func dnsReply(t *Table, client netip.Addr, name, is string, in *input) lineIs {
	if is == "<CNAME>" {
		if in.alias.queried == "" || in.alias.client != client {
			in.alias = alias{name, client}
		}
		return record
	}
	address, err := netip.ParseAddr(is)
	if err != nil { // NXDOMAIN, NODATA-IPv4 and others
		in.alias = alias{}
		return record
	}
	if in.alias.queried != "" && in.alias.client == client {
		name = in.alias.queried
	}
	t.Answer(client, name, "dns", address)
	return record
}

// dhcpLine reads which device has which address.
func dhcpLine(t *Table, words []string) lineIs {
	if len(words) < 3 || !strings.HasPrefix(words[0], "DHCPACK(") {
		return idle
	}
	address, err := netip.ParseAddr(words[1])
	if err != nil {
		return damaged
	}
	name := ""
	if len(words) > 3 {
		name = words[3]
	}
	t.Identify(address, canonicalMAC(words[2]), name)
	return record
}
