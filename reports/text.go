package reports

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"github.com/needwant/needwant/harness"
)

// Text writes a matrix for the terminal. The zero Text is 100 columns wide and
// without colour; what colour says, a symbol says too.
type Text struct {
	Width  int // in terminal columns; 0 = 100, and 60 at least
	Colour bool
	Brief  bool // the result and the table alone, with no legend of what is said in words
}

const (
	usualWidth = 100
	leastWidth = 60 // below this a table does not fit; lines wrap instead
)

// Render writes the matrix.
func (t Text) Render(w io.Writer, m Matrix) error {
	if t.Width == 0 {
		t.Width = usualWidth
	}
	t.Width = max(t.Width, leastWidth)
	r := read(m)
	out := bufio.NewWriter(w)
	fmt.Fprintln(out)
	t.opening(out, r)
	t.table(out, r)
	if t.Brief {
		return out.Flush()
	}
	for _, section := range append(r.sections(), r.whereabouts()) {
		if len(section.lines) > 0 {
			t.section(out, section)
		}
	}
	return out.Flush()
}

func (t Text) opening(out io.Writer, r reading) {
	for _, line := range wrap(Clean(r.subject()), t.Width) {
		fmt.Fprintln(out, t.paint(bold, line))
	}
	for _, line := range wrap(Clean(r.sentence()), t.Width) {
		fmt.Fprintln(out, line)
	}
	style := plain
	if r.Run.Status == harness.Failed {
		style = red
	}
	for _, line := range wrap(Clean(r.effort()+"; "+r.state()), t.Width) {
		fmt.Fprintln(out, t.paint(style, line))
	}
	fmt.Fprintln(out)
}

// table writes the rows, and a legend of the signs in them.
func (t Text) table(out io.Writer, r reading) {
	if len(r.Rows) == 0 {
		return
	}
	grids := t.layout(r)
	for _, g := range grids {
		g.write(out, t)
		if t.Brief && g.words {
			return
		}
		fmt.Fprintln(out)
		for _, line := range g.key {
			fmt.Fprintln(out, line)
		}
	}
	for _, line := range t.legend(r, grids[0].words) {
		fmt.Fprintln(out, line)
	}
}

// legend explains the verdicts that occur, and "or ntp" if the cells are in words.
func (t Text) legend(r reading, words bool) []string {
	var entries []string
	for _, v := range r.legend() {
		if slices.ContainsFunc(r.Rows, func(row Row) bool { return row.has(v.Verdict) }) {
			entries = append(entries, v.Symbol+" "+string(v.Verdict)+": "+v.Meaning)
		}
	}
	if words {
		for _, kind := range r.replaceable() {
			entries = append(entries, fmt.Sprintf("or %s: %s can replace it", kind, kind.Own()))
		}
	}
	var lines []string
	for _, line := range fill(entries, "   ", t.Width) {
		lines = append(lines, t.paint(faint, line))
	}
	return lines
}

func (r Row) has(verdict harness.Verdict) bool {
	for _, cell := range r.Cells {
		if cell.Verdict == verdict {
			return true
		}
	}
	return false
}

// fill puts entries side by side, as many to a line as fit.
func fill(entries []string, gap string, columns int) []string {
	var lines []string
	for _, entry := range entries {
		last := len(lines) - 1
		if last >= 0 && width(lines[last])+width(gap)+width(entry) <= columns {
			lines[last] += gap + entry
			continue
		}
		lines = append(lines, entry)
	}
	return lines
}

func (t Text) section(out io.Writer, s section) {
	fmt.Fprintln(out)
	t.writeSection(out, s)
}

func (t Text) writeSection(out io.Writer, s section) {
	for _, line := range wrap(Clean(s.title), t.Width) {
		fmt.Fprintln(out, t.paint(bold, line))
	}
	for _, sentence := range s.lines {
		for i, line := range wrap(Clean(sentence), t.Width-4) {
			fmt.Fprintln(out, []string{"  ", "    "}[min(i, 1)]+line)
		}
	}
}
