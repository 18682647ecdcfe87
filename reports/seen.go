package reports

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"slices"
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
	render func(io.Writer, imported) error
}{
	{"text", seenText},
	{"md", seenMarkdown},
	{"csv", seenCSV},
	{"json", func(w io.Writer, l imported) error { return l.Write(w) }},
}

// SeenFormats are the names of the formats that [RenderSeen] writes.
func SeenFormats() (names []string) {
	for _, f := range seenFormats {
		names = append(names, f.name)
	}
	return names
}

// imported is a list with the owners of its rows.
type imported struct {
	seen.List
	owners []Owner
}

// RenderSeen writes what data shows of a device: the forum's table without verdicts,
// with how often, how much and when last, and where place says that the addresses
// are, unless it is nil. As json it is a .seen file, without places.
func RenderSeen(w io.Writer, format string, l seen.List, place func(netip.Addr) (Place, error)) error {
	for _, f := range seenFormats {
		if f.name != format {
			continue
		}
		table := imported{l, make([]Owner, len(l.Rows))}
		for i, row := range l.Rows {
			if place == nil {
				break
			}
			var err error
			if table.owners[i].Places, err = placesOf(each(row.Addresses, netip.Addr.String), place); err != nil {
				return err
			}
		}
		return f.render(w, table)
	}
	return fmt.Errorf("there is no format %q for what was imported: choose one of %s", format, strings.Join(SeenFormats(), ", "))
}

// seenHeads are those of the forum's table, and what the data adds.
func seenHeads() []string {
	return append(heads(), "Required for Native App?", "Required for HASS?", "Contacts", "DNS Queries", "Bytes", "Last Seen")
}

// seenLine is a row under these heads.
func seenLine(row seen.Row, owner Owner) []string {
	d, known := row.Destination()
	described := Destination{ID: d, Host: d.Host(), Addresses: each(row.Addresses, netip.Addr.String), Protocol: d.Protocol, Service: d.Service(), Owner: owner}
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

func seenMarkdown(w io.Writer, l imported) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### What %s contacts\n\n", escape(l.Device.String()))
	top := seenHeads()
	markdownLine(out, top)
	fmt.Fprintln(out, strings.Repeat("|---", len(top))+"|")
	for i, row := range l.Rows {
		markdownLine(out, seenLine(row, l.owners[i]))
	}
	fmt.Fprintln(out)
	for _, sentence := range seenNotes(l.List) {
		fmt.Fprintf(out, "- %s\n", escape(sentence))
	}
	return out.Flush()
}

func seenCSV(w io.Writer, l imported) error {
	out := csv.NewWriter(w)
	lines := [][]string{seenHeads()}
	for i, row := range l.Rows {
		lines = append(lines, seenLine(row, l.owners[i]))
	}
	for _, line := range lines {
		if err := out.Write(each(line, inert)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func seenText(w io.Writer, l imported) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "What %s contacts\n\n", Clean(l.Device.String()))
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "DESTINATION\tADDRESSES\tSERVICE\tREQUIRED?\tCONTACTS\tQUERIES\tBYTES\tLAST SEEN"+l.lastColumn("WHERE"))
	for i, row := range l.Rows {
		d, _ := row.Destination()
		addresses := each(row.Addresses, netip.Addr.String)
		const most = 2
		if more := len(addresses) - most; more > 0 {
			addresses = append(addresses[:most], fmt.Sprintf("and %d more", more))
		}
		fmt.Fprintln(rows, strings.Join([]string{
			Clean(row.ID), strings.Join(addresses, ", "), d.Service(), unknown,
			strconv.Itoa(row.Contacts), strconv.Itoa(row.Queries), strconv.FormatUint(row.Bytes, 10), day(row.Last),
		}, "\t")+l.lastColumn(Clean(strings.Join(l.owners[i].about(), "; "))))
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, sentence := range seenNotes(l.List) {
		for i, line := range wrap(Clean(sentence), 76) {
			fmt.Fprintln(out, []string{"  ", "    "}[min(i, 1)]+line)
		}
	}
	return out.Flush()
}

// lastColumn is a cell of the column of places, which is there if there are any.
func (l imported) lastColumn(text string) string {
	if !slices.ContainsFunc(l.owners, func(o Owner) bool { return len(o.Places) > 0 }) {
		return ""
	}
	return "\t" + text
}

// seenNotes say where the table comes from, and what it cannot show.
func seenNotes(l seen.List) (notes []string) {
	cannot := map[string]bool{}
	for _, source := range l.Sources {
		if len(source.Formats) == 0 { // it is empty, which the list of what it cannot show says
			continue
		}
		text := fmt.Sprintf("%s: %s, %s read", source.File, enumerate(source.Formats), count(source.Records, "record"))
		if source.Skipped > 0 {
			text += fmt.Sprintf(", %d skipped, without a destination", source.Skipped)
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
