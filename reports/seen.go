package reports

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/seen"
)

// unknown is what the forum's table has instead of a verdict.
const unknown = "???"

// seenFormats are the ways to write what data shows of a device. The formats for
// verdicts alone, such as junit, are not among them.
var seenFormats = []struct {
	name   string
	render func(io.Writer, seen.List) error
}{
	{"text", seenText},
	{"md", seenMarkdown},
	{"csv", seenCSV},
	{"json", func(w io.Writer, l seen.List) error { return l.Write(w) }},
}

// SeenFormats are the names of the formats that [RenderSeen] writes.
func SeenFormats() (names []string) {
	for _, f := range seenFormats {
		names = append(names, f.name)
	}
	return names
}

// RenderSeen writes what data shows of a device: the forum's table without verdicts,
// with how often, how much and when last. As json it is a .seen file.
func RenderSeen(w io.Writer, format string, l seen.List) error {
	for _, f := range seenFormats {
		if f.name == format {
			return f.render(w, l)
		}
	}
	return fmt.Errorf("there is no format %q for what was imported: choose one of %s", format, strings.Join(SeenFormats(), ", "))
}

// seenHeads are those of the forum's table, and what the data adds.
func seenHeads() []string {
	return append(heads(), "Required for Native App?", "Required for HASS?", "Contacts", "DNS Queries", "Bytes", "Last Seen")
}

// seenLine is a row under these heads.
func seenLine(row seen.Row) []string {
	d, known := row.Destination()
	described := Destination{ID: d, Host: d.Host(), Addresses: each(row.Addresses, netip.Addr.String), Protocol: d.Protocol, Service: d.Service()}
	line := facts(described)
	if !known {
		line = []string{"", row.Name(), "DNS", "", ""}
	}
	return append(line, unknown, unknown, strconv.Itoa(row.Contacts), strconv.Itoa(row.Queries), strconv.FormatUint(row.Bytes, 10), day(row.Last))
}

// day is a date to the minute; "" if the data has none.
func day(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format("2006-01-02 15:04")
}

func seenMarkdown(w io.Writer, l seen.List) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### What %s contacts\n\n", escape(l.Device.String()))
	top := seenHeads()
	markdownLine(out, top)
	fmt.Fprintln(out, strings.Repeat("|---", len(top))+"|")
	for _, row := range l.Rows {
		markdownLine(out, seenLine(row))
	}
	fmt.Fprintln(out)
	for _, sentence := range seenNotes(l) {
		fmt.Fprintf(out, "- %s\n", escape(sentence))
	}
	return out.Flush()
}

func seenCSV(w io.Writer, l seen.List) error {
	out := csv.NewWriter(w)
	lines := [][]string{seenHeads()}
	for _, row := range l.Rows {
		lines = append(lines, seenLine(row))
	}
	for _, line := range lines {
		if err := out.Write(each(line, inert)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func seenText(w io.Writer, l seen.List) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "What %s contacts\n\n", Clean(l.Device.String()))
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "DESTINATION\tADDRESSES\tSERVICE\tREQUIRED?\tCONTACTS\tQUERIES\tBYTES\tLAST SEEN")
	for _, row := range l.Rows {
		d, _ := row.Destination()
		addresses := each(row.Addresses, netip.Addr.String)
		const most = 2
		if more := len(addresses) - most; more > 0 {
			addresses = append(addresses[:most], fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintln(rows, strings.Join([]string{
			Clean(row.ID), strings.Join(addresses, ", "), d.Service(), unknown,
			strconv.Itoa(row.Contacts), strconv.Itoa(row.Queries), strconv.FormatUint(row.Bytes, 10), day(row.Last),
		}, "\t"))
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, sentence := range seenNotes(l) {
		for i, line := range wrap(Clean(sentence), 76) {
			fmt.Fprintln(out, []string{"  ", "    "}[min(i, 1)]+line)
		}
	}
	return out.Flush()
}

// seenNotes say where the table comes from, and what it cannot show.
func seenNotes(l seen.List) (notes []string) {
	cannot := map[string]bool{}
	for _, source := range l.Sources {
		text := fmt.Sprintf("%s: %s, %s read", source.File, enumerate(source.Formats), count(source.Records, "record"))
		if source.Skipped > 0 {
			text += fmt.Sprintf(", %d skipped because they are of other programs or not of IP", source.Skipped)
		}
		notes = append(notes, text+".")
		if source.Damaged > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s cut off or invalid, the first is line %d.", source.File, count(source.Damaged, "line"), source.First))
		}
	}
	for _, source := range l.Sources {
		for _, sentence := range source.Cannot {
			if !cannot[sentence] {
				cannot[sentence] = true
				notes = append(notes, sentence)
			}
		}
	}
	if l.LeftOut > 0 {
		notes = append(notes, fmt.Sprintf("%s not listed: the table has room for %d, those that were contacted most.", count(l.LeftOut, "destination"), harness.MostDestinations))
	}
	return append(notes, "The data does not show what the device needs. To find out: needwant bisect SPEC --seen FILE.seen.")
}
