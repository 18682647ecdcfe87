package seen

import (
	"bytes"
	"fmt"
	"strings"
)

// Format is one kind of data. Help texts and the documentation are made of these
// values.
type Format struct {
	Name   string // as --from takes it
	About  string // what it is, for a help text
	Cannot string // what it cannot show, a sentence
	Lacks  string // what is missing in a file without records, and what to do; it ends a sentence that begins with "it has"

	recognise func(head []byte) bool // from the beginning of the data
	read      func(in *input, t *Table) error
	line      func(t *Table, line string, in *input) lineIs // for logs that may share a file with others; nil otherwise
}

// lineIs is what a format finds in one line of a log.
type lineIs int

const (
	other   lineIs = iota // of another program
	idle                  // of this format, with nothing to read: recognised, and skipped
	record                // read
	damaged               // of this format, but cut off or invalid
)

// Formats lists what can be read. The order is that in which they are tried.
func Formats() []Format {
	formats := []Format{
		{
			Name: "pcap", About: "packet capture of tcpdump or Wireshark: pcap and pcapng",
			Cannot: "A capture shows only what passed the place where it was made. It has names only if it contains the DNS answers or unencrypted ClientHellos.",
			Lacks:  "no packets: capture on the device's interface while the device is used",
			read:   readCapture, recognise: isCapture,
		},
		{
			Name: "pihole", About: "Pi-hole's database pihole-FTL.db",
			Cannot: "A DNS log has no ports and no traffic: a row is dns/NAME until traffic shows its port. Addresses without a name are missing.",
			Lacks:  "no DNS queries: a privacy level of Pi-hole above 0 hides them",
			read:   readPihole, recognise: isSQLite,
		},
		{
			Name: "adguard", About: "AdGuard Home's querylog.json",
			Cannot: "A DNS log has no ports and no traffic: a row is dns/NAME until traffic shows its port. Addresses without a name are missing.",
			Lacks:  "no DNS queries",
			read:   readAdGuard, recognise: isAdGuard,
		},
		{
			Name: "zeek", About: "Zeek's conn.log, dns.log and ssl.log: TSV or JSON",
			Cannot: "conn.log has no names: import dns.log or ssl.log with it.",
			Lacks:  "a header, and no lines below it",
			read:   readZeek, recognise: isZeek,
		},
		{
			Name: "dnsmasq", About: "log of dnsmasq with log-queries, and Pi-hole's pihole.log",
			Cannot: "A DNS log has no ports and no traffic: a row is dns/NAME until traffic shows its port. Addresses without a name are missing.",
			Lacks:  "no DNS queries: dnsmasq logs them only with log-queries in its configuration",
			line:   dnsmasqLine,
		},
		{
			Name: "kernel", About: "kernel log with lines of iptables LOG or nft log, for example of OpenWrt or UniFi",
			Cannot: "A firewall log has no names: import the resolver's log with it. It has only the packets that the logging rule matches.",
			Lacks:  "no packets: the kernel logs them only for a firewall rule such as -j LOG of iptables or log of nft",
			line:   kernelLine,
		},
		{
			Name: "conntrack", About: "output of conntrack -E or conntrack -L",
			Cannot: "Connection tracking has no names: import the resolver's log with it. It has times only with -o timestamp.",
			Lacks:  "no connections",
			line:   conntrackLine,
		},
		{
			Name: "csv", About: "CSV with a header, for example address,protocol,port or device,name",
			Cannot: "CSV shows only what its columns have. Without a port, a row is dns/NAME.",
			Lacks:  "a header, and no rows below it",
			read:   readCSV, recognise: isCSV,
		},
	}
	for i, f := range formats {
		if f.line != nil {
			formats[i].read, formats[i].recognise = readLines, func(head []byte) bool { return f.inLines(head) == record }
		}
	}
	return formats
}

// inLines returns the most that the head has of this format: a record, an idle line, or
// nothing.
func (f Format) inLines(head []byte) lineIs {
	scratch, err := NewTable()
	if err != nil || bytes.IndexByte(head, 0) >= 0 {
		return other
	}
	best := other
	for line := range strings.SplitSeq(string(head), "\n") {
		if is := f.line(scratch, line, &input{}); is == record || is == idle {
			best = max(best, is)
		}
		if best == record {
			break
		}
	}
	return best
}

// Find returns the format with this name.
func Find(name string) (Format, error) {
	var known []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Format{}, fmt.Errorf("there is no format %q: choose one of %s", name, strings.Join(known, ", "))
}

// recognised returns the format of data that begins with head. A log without a record is
// recognised by what else its program writes, if it is in no other format.
func recognised(head []byte) (Format, error) {
	var known []string
	for _, f := range Formats() {
		if f.recognise(head) {
			return f, nil
		}
		known = append(known, fmt.Sprintf("  %-10s %s", f.Name, f.About))
	}
	for _, f := range Formats() {
		if f.line != nil && f.inLines(head) == idle {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("it is in none of the known formats, which are:\n%s\nIf it is one of these, select it with --from NAME", strings.Join(known, "\n"))
}
