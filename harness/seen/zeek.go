package seen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// zeekFields are the fields of a log of Zeek by name. Those that are not set are "".
type zeekFields map[string]string

func isZeek(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(line, []byte("#separator")) || bytes.HasPrefix(line, []byte("#fields\t")) || bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"id.orig_h"`))
}

// wrong says what is wrong with a line that is not whole, or not of a format.
func wrong(whole bool, form string, err error) error {
	if !whole {
		return errors.New("the file ends within this line: it is cut off. Remove the line to read the others")
	}
	return fmt.Errorf("it is not %s: %w", form, err)
}

func readZeek(in *input, t *Table) error {
	table := zeekTable{separator: "\t"}
	return in.each(func(line []byte, whole bool) error {
		fields, err := table.fields(line)
		if err == nil && fields != nil {
			err = fields.note(t)
		}
		if err != nil {
			return wrong(whole, "a line of this log", err)
		}
		if fields != nil {
			in.source.Records++
		}
		return nil
	})
}

// zeekTable is the header of a log as TSV.
type zeekTable struct {
	separator string
	columns   []string
}

// fields reads a line; nil for one of a header.
func (z *zeekTable) fields(line []byte) (zeekFields, error) {
	if line[0] == '{' {
		return zeekJSON(line)
	}
	text := string(line)
	if value, ok := strings.CutPrefix(text, "#separator"); ok {
		return nil, z.separate(strings.TrimSpace(value))
	}
	values := strings.Split(text, z.separator)
	if strings.HasPrefix(text, "#") {
		if values[0] == "#fields" {
			z.columns = values[1:]
		}
		return nil, nil
	}
	if len(z.columns) == 0 {
		return nil, errors.New("no line with #fields comes before it, as in every log of Zeek")
	}
	if len(values) != len(z.columns) {
		return nil, fmt.Errorf("it has %d fields, and #fields names %d", len(values), len(z.columns))
	}
	fields := zeekFields{}
	for i, column := range z.columns {
		if values[i] != "-" && values[i] != "(empty)" {
			fields[column] = values[i]
		}
	}
	return fields, nil
}

// separate reads the separator, which is written like \x09.
func (z *zeekTable) separate(text string) error {
	code, err := strconv.ParseUint(strings.TrimPrefix(text, `\x`), 16, 7)
	if err != nil {
		return fmt.Errorf(`#separator must be like \x09, not %q`, text)
	}
	z.separator = string(rune(code))
	return nil
}

func zeekJSON(line []byte) (zeekFields, error) {
	var values map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil, err
	}
	fields := zeekFields{}
	for key, value := range values {
		switch value := value.(type) {
		case string:
			fields[key] = value
		case json.Number:
			fields[key] = value.String()
		case []any:
			var list []string
			for _, member := range value {
				list = append(list, fmt.Sprint(member))
			}
			fields[key] = strings.Join(list, ",")
		}
	}
	return fields, nil
}

// note reads a line of dns.log, ssl.log or conn.log, which differ in their fields.
func (f zeekFields) note(t *Table) error {
	from, err := netip.ParseAddr(f["id.orig_h"])
	if err != nil {
		return fmt.Errorf("id.orig_h: %w", err)
	}
	to, err := netip.ParseAddr(f["id.resp_h"])
	if err != nil {
		return fmt.Errorf("id.resp_h: %w", err)
	}
	_, hasType := f["qtype_name"]
	switch {
	case f["query"] != "" || hasType:
		f.query(t, from)
	case f["server_name"] != "":
		t.Answer(from, f["server_name"], "tls", to)
	case f["proto"] != "":
		return f.connection(t, from, to)
	}
	return nil
}

func (f zeekFields) at() time.Time {
	if since, err := strconv.ParseFloat(f["ts"], 64); err == nil {
		return seconds(since)
	}
	at, _ := time.Parse(time.RFC3339Nano, f["ts"])
	return at
}

func (f zeekFields) query(t *Table, from netip.Addr) {
	if f["qtype_name"] == "PTR" {
		return
	}
	t.Query(f.at(), from, f["query"], 1)
	for answer := range strings.SplitSeq(f["answers"], ",") {
		if address, err := netip.ParseAddr(answer); err == nil {
			t.Answer(from, f["query"], "dns", address)
		}
	}
}

func (f zeekFields) connection(t *Table, from, to netip.Addr) error {
	protocol, known := protocolOf(f["proto"])
	if !known {
		return nil
	}
	source, err := strconv.ParseUint(f["id.orig_p"], 10, 16)
	if err != nil {
		return fmt.Errorf("id.orig_p: %w", err)
	}
	port, err := strconv.ParseUint(f["id.resp_p"], 10, 16)
	if err != nil {
		return fmt.Errorf("id.resp_p: %w", err)
	}
	if protocol == harness.ICMP { // the ports are the type of the message and that of its answer
		if source != 8 && source != 128 {
			return nil
		}
		source, port = 0, 0
	} else if port == 0 {
		return nil
	}
	var bytes uint64
	for _, column := range []string{"orig_bytes", "resp_bytes"} {
		count, _ := strconv.ParseUint(f[column], 10, 48)
		bytes += count
	}
	t.Packet(Packet{
		At: f.at(), From: netip.AddrPortFrom(from, uint16(source)), To: netip.AddrPortFrom(to, uint16(port)),
		Protocol: protocol, Opens: true, Bytes: bytes, Contacts: 1,
	})
	return nil
}
