package reports

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/needwant/needwant/harness"
)

// HTML writes a page to look at: one file that asks nothing of a network and
// runs no script (its own policy forbids both), for dark and light screens,
// phones and paper. The matrix comes first, with the proof of each cell folded
// away in it; then what the groups of alternatives are, what may be blocked,
// what stayed open, and, where the Report holds more than a Matrix, how the
// trials went and what was observed.
func HTML(w io.Writer, r Report) error {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		return fmt.Errorf("reading the style of the HTML report: %w", err)
	}
	return writePage(w, "report.html", newPage(r, template.CSS(style)))
}

// writePage writes a page line by line. Nothing in a line is unseen.
func writePage(w io.Writer, name string, with any) error {
	t, err := templates()
	if err != nil {
		return fmt.Errorf("reading the template of the HTML report: %w", err)
	}
	var text bytes.Buffer
	if err := t.ExecuteTemplate(&text, name, with); err != nil {
		return fmt.Errorf("writing the HTML report: %w", err)
	}
	out := bufio.NewWriter(w)
	for line := range strings.Lines(text.String()) {
		if line = strings.Trim(line, " \t\n"); line != "" {
			fmt.Fprintln(out, Clean(line))
		}
	}
	return out.Flush()
}

//go:embed page
var pageFiles embed.FS

// templates are those of all pages, read once.
var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.ParseFS(pageFiles, "page/*.html")
})

// page is what the template is filled with.
type page struct {
	reading
	Style     template.CSS // "" if the page loads its style from a file, and may have no other
	Subject   string
	Result    string // in plain words
	Effort    string
	State     string
	Mood      string // "done", "open" or "failed"
	Legend    []sign
	Heads     []head
	Lines     []line
	Remaining []remainingCard
	Needs     []need
	Safe      []safeCard
	Worse     []string
	Unknown   []string
	Timeline  *timeline
	Trials    []trialLine
	Flows     []flowLine
	Notes     []string
	Settings  []Setting
	Wide      bool // more columns than a screen has room for

	Replaceable bool // some cell is
}

// head is the head of a column, with what was found of it in a few words.
type head struct {
	Title   []string // in the pieces between which it may be broken
	Summary string
	Place   int // of its answers in a line of the trials in words, counted from 1
}

// line is a row of the matrix.
type line struct {
	Name    []string // in the pieces between which it may be broken
	Bare    bool     // an address, not a name
	Service string
	Address string
	Tags    []string
	Cells   []proofCell
}

// proofCell is a cell with its proof.
type proofCell struct {
	Sign    sign
	Letters string
	Head    string
	Groups  string // that it is in, and what its owner may have instead
	Own     string // what its owner may have instead, "or your own time server"
	Why     string
	Basis   []string
}

const mostColumns = 2 // that a phone has room for, beside the destinations

func newPage(report Report, style template.CSS) page {
	r := read(report.Matrix)
	p := page{
		reading:   r,
		Style:     style,
		Subject:   r.subject(),
		Result:    r.sentence(),
		Effort:    r.effort(),
		State:     r.state(),
		Mood:      r.mood(),
		Legend:    slices.DeleteFunc(r.legend(), func(s sign) bool { return r.tally(s.Verdict) == 0 }),
		Remaining: r.drawnRemaining(),
		Needs:     r.drawnNeeds(),
		Safe:      r.drawnSafe(),
		Worse:     r.worse().lines,
		Unknown:   r.unknowns().lines,
		Notes:     r.notes().lines,
		Wide:      len(r.Columns) > mostColumns,
	}
	for i, column := range r.Columns {
		p.Heads = append(p.Heads, head{pieces(r.headings[i]), r.inShort(column), beforeAnswers + 1 + i})
	}
	budget := newAllowance(len(r.Rows) * len(r.Columns))
	for _, row := range r.Rows {
		line := r.line(row, budget)
		p.Replaceable = p.Replaceable || slices.ContainsFunc(line.Cells, func(c proofCell) bool { return c.Own != "" })
		p.Lines = append(p.Lines, line)
	}
	p.Timeline = newTimeline(r, report.Trials)
	p.Trials = trialLines(r, report.Trials)
	p.Flows = flowLines(r, report.Flows)
	p.Settings = report.Settings
	return p
}

func (r reading) mood() string {
	if r.Run.Status == harness.Failed {
		return "failed"
	}
	if open, all := r.open(); open > 0 || all == 0 || r.Run.Status != harness.Complete {
		return "open"
	}
	return "done"
}

// inShort is "needs 1 and any 1 of 5": how many destinations a column needs.
func (r reading) inShort(column Column) string {
	var single int
	var parts []string
	for _, need := range r.needsOf(column) {
		if len(need.Of) == 1 {
			single++
		} else {
			parts = append(parts, fmt.Sprintf("any %d of %d", need.AtLeast, len(need.Of)))
		}
	}
	if single > 0 {
		parts = append([]string{fmt.Sprint(single)}, parts...)
	}
	switch {
	case len(parts) > 3:
		return fmt.Sprintf("needs %s and more", strings.Join(parts[:2], ", "))
	case len(parts) > 0:
		return "needs " + enumerate(parts)
	case r.settled(column):
		return "needs none of these"
	}
	return "none found so far"
}

// settled reports whether the column was judged, no cell of it is open, and the needs
// that were found are certified to be all.
func (r reading) settled(column Column) bool {
	return len(r.Rows) > 0 && column.Certified != "none" && !slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Cells[column.ID].Open() })
}

func (r reading) line(row Row, budget allowance) line {
	d := row.Destination
	l := line{
		Name:    breakable(HostName(d.Host)),
		Service: serviceOf(d),
		Address: enumerate(d.Addresses),
	}
	if d.Host == "" {
		l.Name, l.Address, l.Bare = breakable(l.Address), "no name asked for", true
	}
	if len(d.Collateral) > 0 {
		l.Tags = append(l.Tags, "same address as "+enumerate(d.Collateral))
	}
	l.Tags = append(l.Tags, d.Owner.about()...)
	if strings.HasPrefix(d.FirstSeen, "trial ") {
		l.Tags = append(l.Tags, "a fallback, first seen in "+d.FirstSeen)
	}
	for i, column := range r.Columns {
		l.Cells = append(l.Cells, r.proofCell(row.Cells[column.ID], r.headings[i], budget))
	}
	return l
}

func (r reading) proofCell(cell Cell, heading string, budget allowance) proofCell {
	own := orOwn(cell.Replaceable, cell.By)
	p := proofCell{
		Sign:    signOf(cell.Verdict),
		Letters: letters(r, cell),
		Head:    heading,
		Groups:  strings.TrimPrefix(r.groupsOf(cell)+own, ", "),
		Own:     strings.TrimPrefix(own, ", "),
		Why:     budget.cut(cell.Why),
	}
	if len(cell.Trials) > 0 {
		p.Basis = append(p.Basis, budget.trials(cell.Trials))
	}
	if cell.Attempts > 0 {
		p.Basis = append(p.Basis, count(cell.Attempts, "attempt")+" at the block")
	}
	if !cell.Open() {
		p.Basis = append(p.Basis, "confidence "+percent(cell.Confidence))
	}
	return p
}

// breakable parts a name where a line may end: after a dot, a colon or a
// hyphen, when the piece is long enough to be worth it.
func breakable(name string) []string {
	const least = 7
	var pieces []string
	rest := Clean(name)
	for from := least; from < len(rest)-1; {
		i := strings.IndexAny(rest[from:len(rest)-1], ".:-")
		if i < 0 {
			break
		}
		pieces = append(pieces, rest[:from+i+1])
		rest = rest[from+i+1:]
	}
	return append(pieces, rest)
}

// pieces parts a text where a line may end beside its spaces: only within words that are
// longer than a column of a phone is wide.
func pieces(text string) []string {
	const most = 14
	var parts []string
	run, from := 0, 0
	letters := []rune(Clean(text))
	for i, r := range letters {
		if run++; unicode.IsSpace(r) || r == '-' {
			run = 0
		}
		if run > most {
			parts, from, run = append(parts, string(letters[from:i])), i, 1
		}
	}
	return append(parts, string(letters[from:]))
}

// allowance is how many letters of a cell's proof fit into a page, so that a
// large run makes no huge file. What is cut off is in the other formats.
type allowance int

const (
	proofLetters = 60_000 // of all cells together
	leastProof   = 80     // of one cell
	mostProof    = 2_000
)

func newAllowance(cells int) allowance {
	return allowance(min(mostProof, max(leastProof, proofLetters/max(1, cells))))
}

func (a allowance) cut(text string) string {
	letters := []rune(text)
	if len(letters) <= int(a) {
		return text
	}
	return strings.TrimRight(string(letters[:a]), " ,") + " … (the rest is in the JSON)"
}

// trials names as many trials as there is room for.
func (a allowance) trials(all []int) string {
	most := max(3, int(a)/10) // " 1234," and something to spare
	if len(all) <= most {
		return inTrials(all)
	}
	return fmt.Sprintf("%s and %d more", inTrials(all[:most]), len(all)-most)
}
