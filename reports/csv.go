package reports

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CSV writes one line a destination: the forum's heads with a bare verdict for
// each column, then what each verdict means and rests on, and the result in plain words. Lines end with a column
// that says so if the device is simulated, with one that says what was always blocked, if
// anything was, and with one that says for how long a block must be held to wait for the
// destination, if any was not waited for.
func CSV(w io.Writer, m Matrix) error {
	r := read(m)
	out := csv.NewWriter(w)
	lines := [][]string{r.csvHeads()}
	for _, row := range m.Rows {
		lines = append(lines, r.csvLine(row))
	}
	for _, line := range lines {
		if err := out.Write(each(line, inert)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (r reading) csvHeads() []string {
	line := append(heads(), r.headings...)
	for _, heading := range r.headings {
		line = append(line, "Group: "+heading, "Why: "+heading, "Trials: "+heading, "Attempts: "+heading, "Confidence: "+heading)
	}
	line = append(line, "First Seen", "Result")
	if r.Run.Simulated {
		line = append(line, "Simulated")
	}
	if len(r.Run.Always) > 0 {
		line = append(line, "Always blocked")
	}
	if len(r.Unwaited) > 0 {
		line = append(line, "Not waited for: takes a hold of")
	}
	return line
}

func (r reading) csvLine(row Row) []string {
	line := facts(row.Destination)
	for _, column := range r.Columns {
		line = append(line, string(row.Cells[column.ID].Verdict))
	}
	for _, column := range r.Columns {
		cell := row.Cells[column.ID]
		line = append(line,
			r.groupsOf(cell),
			cell.Why,
			numbers(cell.Trials),
			strconv.Itoa(cell.Attempts),
			strconv.FormatFloat(cell.Confidence, 'f', -1, 64))
	}
	line = append(line, row.Destination.FirstSeen, r.sentence())
	if r.Run.Simulated {
		line = append(line, "yes")
	}
	if len(r.Run.Always) > 0 {
		line = append(line, r.always())
	}
	if len(r.Unwaited) > 0 {
		line = append(line, r.hold(row))
	}
	return line
}

// inert keeps spreadsheets from taking a field for a formula, by the apostrophe
// that they read as "this is text"
// (owasp.org/www-community/attacks/CSV_Injection).
func inert(field string) string {
	field = Clean(field)
	first, _ := utf8.DecodeRuneInString(strings.TrimSpace(field))
	if strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + field
	}
	return field
}
