package seen

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// The columns that are read, each with the heads that it may have. The last of them are
// those of needwant's own tables.
var csvHeads = map[string][]string{
	"time":     {"time", "timestamp", "date", "ts", "last seen"},
	"device":   {"device", "client", "source", "src", "src_ip", "source ip"},
	"address":  {"address", "dst", "dst_ip", "dest_ip", "destination", "destination ip"},
	"name":     {"name", "host", "hostname", "domain", "query", "destination url/location"},
	"protocol": {"protocol", "proto"},
	"port":     {"port", "dport", "dst_port", "dest_port", "destination port"},
	"bytes":    {"bytes"},
	"count":    {"count", "contacts"},
	"queries":  {"queries", "dns queries"},
}

// listed is the device of a table that has no column for it.
var listed = netip.MustParseAddr("192.168.255.254")

// csvTable is the header of a table.
type csvTable struct {
	comma   rune
	columns map[string]int
}

// isCSV reports whether the first line is a header with a name or an address.
func isCSV(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	_, err := csvHeader(string(bytes.TrimSpace(line)))
	return err == nil
}

func csvHeader(line string) (csvTable, error) {
	line = strings.TrimPrefix(line, "\ufeff")
	for _, comma := range []rune{',', ';', '\t'} {
		table := csvTable{comma, map[string]int{}}
		heads, err := table.split(line)
		if err != nil {
			continue
		}
		for i, head := range heads {
			for column, known := range csvHeads {
				if _, twice := table.columns[column]; !twice && slices.Contains(known, strings.ToLower(strings.TrimSpace(head))) {
					table.columns[column] = i
				}
			}
		}
		_, name := table.columns["name"]
		_, address := table.columns["address"]
		if len(table.columns) > 1 && (name || address) {
			return table, nil
		}
	}
	return csvTable{}, errors.New("the first line must name the columns, for example: time,device,address,name,protocol,port,bytes")
}

// split reads the fields of one line. A field cannot go over several lines, so that a
// quotation mark that is never closed does not make one of the whole file.
func (c csvTable) split(line string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma = c.comma
	return r.Read()
}

func readCSV(in *input, t *Table) error {
	line, _, err := in.next()
	if err != nil {
		return err
	}
	table, err := csvHeader(string(line))
	if err != nil {
		return in.failLine(err)
	}
	return in.each(func(line []byte, _ bool) error {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			return nil
		}
		fields, err := table.split(text)
		if err == nil {
			err = table.note(t, fields)
		}
		if err == nil {
			in.source.Records++
		}
		return err
	})
}

func (c csvTable) field(fields []string, column string) string {
	if i, ok := c.columns[column]; ok && i < len(fields) {
		return strings.TrimSpace(fields[i])
	}
	return ""
}

func (c csvTable) note(t *Table, fields []string) error {
	field := func(column string) string { return c.field(fields, column) }
	from := t.chosen.only(listed)
	if text := field("device"); text != "" {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("%q is not the address of a device", text)
		}
		from = address
	}
	count, queries, bytes := uint64(1), uint64(0), uint64(0)
	for _, number := range []struct {
		column string
		into   *uint64
	}{{"count", &count}, {"queries", &queries}, {"bytes", &bytes}} {
		text := field(number.column)
		if text == "" {
			continue
		}
		value, err := strconv.ParseUint(text, 10, 48)
		if err != nil {
			return fmt.Errorf("%s: %q is not a number", number.column, text)
		}
		*number.into = value
	}
	at := csvTime(field("time"))
	onlyName := field("port") == "" && (field("protocol") == "" || strings.EqualFold(field("protocol"), "dns"))
	if onlyName && queries == 0 {
		queries = count
	}
	if queries > 0 {
		t.Query(at, from, field("name"), int(queries))
	}
	if onlyName {
		return nil
	}
	return c.contacts(t, field, Packet{At: at, From: netip.AddrPortFrom(from, 0), Name: field("name"), Opens: true, Bytes: bytes, Contacts: int(count)})
}

// contacts notes a row with a port, once for each of its addresses. The first one has
// the counts.
func (c csvTable) contacts(t *Table, field func(string) string, p Packet) error {
	protocol, known := protocolOf(field("protocol"))
	if !known {
		return fmt.Errorf("protocol: %q is not tcp, udp or icmp", field("protocol"))
	}
	p.Protocol = protocol
	port, err := strconv.ParseUint(field("port"), 10, 16)
	if protocol == harness.ICMP {
		port = 0
	} else if err != nil || port == 0 {
		return fmt.Errorf("port: %q is not a number from 1 to 65535", field("port"))
	}
	for text := range strings.SplitSeq(field("address"), ",") {
		address, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is not an address", text)
		}
		p.To = netip.AddrPortFrom(address, uint16(port))
		t.Packet(p)
		p.Bytes, p.Contacts, p.Opens = 0, 0, false
		p.Ends = true
	}
	return nil
}

// csvTime reads a date, or the seconds since 1970; zero if it is neither.
func csvTime(text string) time.Time {
	if since, err := strconv.ParseFloat(text, 64); err == nil {
		return seconds(since)
	}
	for _, form := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return at
		}
	}
	return time.Time{}
}
