package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// grid is a table laid out for a terminal.
type grid struct {
	heads  []string
	rows   [][]entry
	widths []int
	least  []int    // how narrow the first columns may become: see [leading]
	key    []string // what numbered heads stand for, and what is left out
	words  bool     // the cells say their verdicts, which need no legend
}

// entry is the text of a grid's cell, with the style that it is painted in.
type entry struct {
	text  string
	style style
}

const (
	gap          = 2
	widestHead   = 14 // longer titles go over several lines
	mostLetters  = 3  // of the groups that one destination is in
	leastAddress = 15 // an IPv4 address
	usualHost    = 24
	leastHost    = 16
)

// leading are the columns before the verdicts.
type leading struct {
	heads []string
	least []int // how narrow each may become, by cutting its texts; 0 if they are never cut
	of    func(Destination) []string
	lacks string // what is left out and is missed; "" if nothing is
}

// leadings are the ways to show a destination, the widest first: a port is never cut, but
// the name of its service may be left out, and then the address of a host that has a name.
func leadings() []leading {
	address := func(d Destination) string { return andMore("", d.Addresses) }
	host := func(d Destination) string { return andMore(HostName(d.Host), d.Collateral) }
	return []leading{
		{[]string{"Address", "Host", "Service"}, []int{leastAddress, usualHost, 0}, func(d Destination) []string {
			return []string{address(d), host(d), serviceOf(d)}
		}, ""},
		{[]string{"Address", "Host", "Port"}, []int{leastAddress, usualHost, 0}, func(d Destination) []string {
			return []string{address(d), host(d), portOf(d)}
		}, ""},
		{[]string{"Host", "Port"}, []int{leastHost, 0}, func(d Destination) []string {
			return []string{cmp.Or(host(d), address(d)), portOf(d)}
		}, "the addresses of hosts with a name"},
	}
}

// layout fits the matrix into the width: with verdicts in words, or, if there
// are too many columns, with signs alone under numbers, or in several tables.
func (t Text) layout(r reading) []grid {
	var key, numbers []string
	for i, heading := range r.headings {
		numbers = append(numbers, strconv.Itoa(i+1))
		key = append(key, wrap(fmt.Sprintf("%d = %s", i+1, Clean(heading)), t.Width)...)
	}
	var signs grid
	for _, leading := range leadings() {
		if words := newGrid(r, leading, r.headings, wordy); words.fit(t.Width) {
			words.key, words.words = t.missing(leading), true
			return []grid{words}
		}
	}
	for _, leading := range leadings() {
		signs = newGrid(r, leading, numbers, terse)
		if signs.key = slices.Concat(key, t.missing(leading)); signs.fit(t.Width) {
			return []grid{signs}
		}
	}
	if len(r.Columns) < 2 {
		return []grid{signs}
	}
	half := len(r.Columns) / 2
	return append(t.layout(r.between(0, half)), t.layout(r.between(half, len(r.Columns)))...)
}

// missing says what a table lacks, since the window is too narrow for it.
func (t Text) missing(l leading) []string {
	if l.lacks == "" {
		return nil
	}
	return wrap("This window is too narrow for "+l.lacks+": a wider one shows more, and --format csv shows everything.", t.Width)
}

// between is the reading of some of the columns.
func (r reading) between(from, to int) reading {
	r.Columns, r.headings = r.Columns[from:to], r.headings[from:to]
	return r
}

func newGrid(r reading, leading leading, headings []string, show func(reading, Cell) string) grid {
	g := grid{heads: slices.Concat(leading.heads, each(headings, Clean)), least: leading.least}
	for _, row := range r.Rows {
		line := each(leading.of(row.Destination), func(text string) entry { return entry{text: Clean(text)} })
		for _, column := range r.Columns {
			cell := row.Cells[column.ID]
			line = append(line, entry{Clean(show(r, cell)), signOf(cell.Verdict).Style})
		}
		g.rows = append(g.rows, line)
	}
	g.measure()
	return g
}

// andMore is the first of several names, and how many follow: "192.0.2.1 +2".
func andMore(first string, others []string) string {
	if first == "" && len(others) > 0 {
		first, others = others[0], others[1:]
	}
	if len(others) == 0 {
		return first
	}
	return fmt.Sprintf("%s +%d", first, len(others))
}

// wordy shows a verdict as "◐ alternative A", or "● required, or ntp" if that can be replaced.
func wordy(r reading, cell Cell) string {
	return strings.TrimSpace(signOf(cell.Verdict).Symbol+" "+string(cell.Verdict)+" "+letters(r, cell)) + orKinds(cell.Replaceable)
}

// terse shows a verdict as "◐A".
func terse(r reading, cell Cell) string {
	return signOf(cell.Verdict).Symbol + letters(r, cell)
}

func letters(r reading, cell Cell) string {
	all := each(r.groupsIn(cell), func(g group) string { return g.letter })
	if len(all) > mostLetters {
		return strings.Join(all[:mostLetters], ",") + "…"
	}
	return strings.Join(all, ",")
}

// measure gives each column the width of its widest entry. Titles are wrapped,
// and widen a column only as far as their words need.
func (g *grid) measure() {
	g.widths = make([]int, len(g.heads))
	for i, head := range g.heads {
		for _, word := range strings.Fields(head) {
			g.widths[i] = max(g.widths[i], min(width(word), widestHead))
		}
		for _, row := range g.rows {
			g.widths[i] = max(g.widths[i], width(row[i].text))
		}
	}
}

// fit takes what is too much from the hosts first, and reports whether that was
// enough. What is cut from a name is in the other formats.
func (g *grid) fit(columns int) bool {
	excess := gap*(len(g.widths)-1) - columns
	for _, w := range g.widths {
		excess += w
	}
	for i, least := range slices.Backward(g.least) {
		if least > 0 {
			give := min(max(0, excess), max(0, g.widths[i]-least))
			g.widths[i] -= give
			excess -= give
		}
	}
	return excess <= 0
}

func (g grid) write(out io.Writer, t Text) {
	for _, line := range g.headLines() {
		fmt.Fprintln(out, t.paint(bold, strings.TrimRight(line, " ")))
	}
	var rules []string
	for _, w := range g.widths {
		rules = append(rules, strings.Repeat("─", w))
	}
	fmt.Fprintln(out, t.paint(faint, strings.Join(rules, strings.Repeat(" ", gap))))
	for _, row := range g.rows {
		fmt.Fprintln(out, g.line(row, t))
	}
}

// headLines are the heads, wrapped, and standing on the same bottom line.
func (g grid) headLines() []string {
	var height int
	wrapped := make([][]string, len(g.heads))
	for i, head := range g.heads {
		wrapped[i] = wrap(head, g.widths[i])
		height = max(height, len(wrapped[i]))
	}
	lines := make([]string, height)
	for i, head := range wrapped {
		blank := height - len(head)
		for y := range lines {
			var text string
			if y >= blank {
				text = head[y-blank]
			}
			lines[y] += pad(text, g.widths[i]+gap)
		}
	}
	return lines
}

func (g grid) line(row []entry, t Text) string {
	var line strings.Builder
	for i, cell := range row {
		text := Shorten(cell.text, g.widths[i])
		line.WriteString(t.paint(cell.style, text))
		if i < len(row)-1 {
			line.WriteString(strings.Repeat(" ", gap+g.widths[i]-width(text)))
		}
	}
	return line.String()
}
