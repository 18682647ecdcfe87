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
	width  int // of the text; 0 is as wide as it is
}

// RenderSeen writes what data shows of a device: the forum's table without verdicts,
// with how often, how much and when last, and where place says that the addresses
// are, unless it is nil. As json it is a .seen file, without places. Text fits this many
// terminal columns, unless they are 0.
func RenderSeen(w io.Writer, format string, l seen.List, columns int, place func(netip.Addr) (Place, error)) error {
	for _, f := range seenFormats {
		if f.name != format {
			continue
		}
		table := imported{l, make([]Owner, len(l.Rows)), columns}
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
	columns, left := l.columns()
	for i := range 1 + len(l.Rows) {
		var line strings.Builder
		for _, c := range columns {
			line.WriteString(pad(Shorten(c.cells[i], c.width), c.width+gap))
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	fmt.Fprintln(out)
	notes := seenNotes(l.List)
	if len(left) > 0 {
		notes = append(notes, "This window is too narrow for "+enumerate(left)+": a wider one shows more, and --format csv shows everything.")
	}
	for _, sentence := range notes {
		for i, line := range wrap(Clean(sentence), 76) {
			fmt.Fprintln(out, []string{"  ", "    "}[min(i, 1)]+line)
		}
	}
	return out.Flush()
}

// seenColumn is a column of the table for a terminal: its head, and then a cell for each row.
type seenColumn struct {
	cells []string
	width int
}

// narrow takes some of a column's width away, as long as its cells can be told apart.
func (c *seenColumn) narrow(over int) { c.width = min(c.width, max(leastHost, c.width-over)) }

// columns are those that fit the width, and the heads of those that are left out since they
// do not.
func (l imported) columns() (columns []seenColumn, left []string) {
	heads := []string{"DESTINATION", "ADDRESSES", "SERVICE", "REQUIRED?", "CONTACTS", "QUERIES", "BYTES", "LAST SEEN"}
	located := slices.ContainsFunc(l.owners, func(o Owner) bool { return len(o.Places) > 0 })
	if located {
		heads = append(heads, "WHERE")
	}
	for i, head := range heads {
		c := seenColumn{cells: []string{head}}
		for n, row := range l.Rows {
			c.cells = append(c.cells, l.cells(row, l.owners[n])[i])
		}
		c.width = slices.Max(each(c.cells, width))
		columns = append(columns, c)
	}
	over := func() int { // the width that there is not
		total := -gap
		for _, c := range columns {
			total += c.width + gap
		}
		return max(0, total-l.width)
	}
	if l.width == 0 {
		return columns, nil
	}
	if located {
		columns[len(columns)-1].narrow(over())
	}
	for _, head := range []string{"SERVICE", "ADDRESSES", "QUERIES", "BYTES", "CONTACTS"} { // from what tells least
		if over() == 0 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c seenColumn) bool { return c.cells[0] == head })
		left = append(left, head)
	}
	columns[0].narrow(over())
	return columns, left
}

// cells are those of a row, under the heads of the table for a terminal.
func (l imported) cells(row seen.Row, owner Owner) []string {
	d, _ := row.Destination()
	addresses := each(row.Addresses, netip.Addr.String)
	const most = 2
	if more := len(addresses) - most; more > 0 {
		addresses = append(addresses[:most], fmt.Sprintf("and %d more", more))
	}
	return []string{
		Clean(row.ID), strings.Join(addresses, ", "), d.Service(), unknown,
		strconv.Itoa(row.Contacts), strconv.Itoa(row.Queries), strconv.FormatUint(row.Bytes, 10), day(row.Last),
		Clean(strings.Join(owner.about(), "; ")),
	}
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
	return append(notes, "The data does not show what the device needs: an experiment does.")
}
