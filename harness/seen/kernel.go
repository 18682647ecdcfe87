package seen

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness"
)

// kernelLine reads a packet as the kernel logs it for iptables LOG and nft log
// (net/netfilter/nf_log_syslog.c), e.g.
//
//	Nov 26 20:46:50 router kernel: [11.5] new: IN=br0 OUT=eth0 MAC=… SRC=192.168.1.50
//	DST=203.0.113.7 LEN=60 … PROTO=TCP SPT=40000 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0
//
// For an ICMP error the kernel appends the packet that it is about in brackets.
func kernelLine(t *Table, line string, in *input) lineIs {
	begin := strings.Index(line, "SRC=")
	if begin < 0 || !strings.Contains(line, " DST=") {
		return kernelIdle(line)
	}
	if mac := strings.LastIndex(line[:begin], "MAC="); mac >= 0 {
		begin = mac
	}
	text, _, _ := strings.Cut(line[begin:], " [SRC=")
	values, flags := map[string]string{}, map[string]bool{}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, "=")
		if _, twice := values[key]; ok && !twice { // LEN is there twice: of IP, then of UDP
			values[key] = value
		}
		flags[word] = true
	}
	return in.kernelPacket(t, line, values, flags)
}

// kernelIdle reports whether a line without a packet is the kernel's: in a system's log, or
// as dmesg prints it.
func kernelIdle(line string) lineIs {
	time, _, stamped := strings.Cut(strings.TrimPrefix(line, "["), "] ")
	_, err := strconv.ParseFloat(strings.TrimSpace(time), 64)
	if stamped && line[0] == '[' && err == nil || strings.Contains(line, " kernel: ") {
		return idle
	}
	return other
}

func (in *input) kernelPacket(t *Table, line string, values map[string]string, flags map[string]bool) lineIs {
	from, errFrom := netip.ParseAddr(values["SRC"])
	to, errTo := netip.ParseAddr(values["DST"])
	protocol, known := protocolOf(values["PROTO"])
	if errFrom != nil || errTo != nil || values["PROTO"] == "" {
		return damaged
	}
	if !known {
		return record // GRE and others, which are not destinations
	}
	var source, port uint64
	if protocol == harness.ICMP {
		if kind := values["TYPE"]; kind != "8" && kind != "128" { // echo requests of IPv4 and IPv6
			return record
		}
	} else {
		var errSource, errPort error
		source, errSource = strconv.ParseUint(values["SPT"], 10, 16)
		if port, errPort = strconv.ParseUint(values["DPT"], 10, 16); errSource != nil || errPort != nil || port == 0 {
			return damaged
		}
	}
	length, _ := strconv.ParseUint(values["LEN"], 10, 16)
	t.Packet(Packet{
		At:   stamp(line, in.options.Now),
		From: netip.AddrPortFrom(from, uint16(source)), To: netip.AddrPortFrom(to, uint16(port)),
		Protocol: protocol, FromMAC: senderIn(values["MAC"]),
		Opens: flags["SYN"] && !flags["ACK"], Bytes: length,
	})
	return record
}

// senderIn is the sender's MAC address in what the kernel logs of an Ethernet header:
// the receiver, the sender, and the type.
func senderIn(header string) string {
	parts := strings.Split(header, ":")
	if len(parts) < 12 {
		return ""
	}
	return canonicalMAC(strings.Join(parts[6:12], ":"))
}

// protocolOf reads the name or the number of a protocol.
func protocolOf(text string) (protocol string, known bool) {
	switch strings.ToLower(text) {
	case "tcp", "6":
		return harness.TCP, true
	case "udp", "17":
		return harness.UDP, true
	case "icmp", "icmpv6", "icmp6", "ipv6-icmp", "1", "58":
		return harness.ICMP, true
	}
	return "", false
}
