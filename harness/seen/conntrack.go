package seen

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// conntrackLine reads a line of conntrack -E, with or without -o timestamp, or of
// conntrack -L, e.g.
//
//	[1764190010.123456]	    [NEW] udp      17 30 src=192.168.1.50 dst=203.0.113.7
//	sport=40000 dport=123 [UNREPLIED] src=203.0.113.7 dst=192.168.1.50 sport=123 dport=40000
//
// A connection is counted when it is new, and its bytes when it ends, if the kernel
// counts them (net.netfilter.nf_conntrack_acct).
func conntrackLine(t *Table, line string, _ *input) lineIs {
	if !strings.Contains(line, " src=") || !strings.Contains(line, " dst=") {
		return other
	}
	words := strings.Fields(line)
	at, event, protocol := time.Time{}, "", ""
	var original map[string]string
	var bytes uint64
	for _, word := range words {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]") && original == nil:
			inner := strings.Trim(word, "[]")
			if since, err := strconv.ParseFloat(inner, 64); err == nil {
				at = seconds(since)
			} else {
				event = inner
			}
		case !pair && protocol == "" && original == nil:
			protocol, _ = protocolOf(word)
		case pair && key == "src" && original == nil:
			original = map[string]string{"src": value}
		case pair && key == "bytes":
			count, _ := strconv.ParseUint(value, 10, 48)
			bytes += count
		case pair && original != nil && original[key] == "": // the reply has the same keys, and comes second
			original[key] = value
		}
	}
	return conntrackRecord(t, at, event, protocol, original, bytes)
}

func conntrackRecord(t *Table, at time.Time, event, protocol string, original map[string]string, bytes uint64) lineIs {
	from, errFrom := netip.ParseAddr(original["src"])
	to, errTo := netip.ParseAddr(original["dst"])
	if errFrom != nil || errTo != nil {
		return damaged
	}
	if protocol == "" || protocol == harness.ICMP && original["type"] != "8" && original["type"] != "128" {
		return record
	}
	source, _ := strconv.ParseUint(original["sport"], 10, 16)
	port, err := strconv.ParseUint(original["dport"], 10, 16)
	if protocol != harness.ICMP && (err != nil || port == 0) {
		return damaged
	}
	packet := Packet{
		At: at, From: netip.AddrPortFrom(from, uint16(source)), To: netip.AddrPortFrom(to, uint16(port)),
		Protocol: protocol, Opens: true, Bytes: bytes, Contacts: 1,
	}
	switch event {
	case "UPDATE", "DESTROY": // what was new before, if that was recorded
		packet.Contacts, packet.Opens, packet.Ends = 0, false, true
	}
	if protocol == harness.ICMP {
		packet.To = netip.AddrPortFrom(to, 0)
	}
	t.Packet(packet)
	return record
}
