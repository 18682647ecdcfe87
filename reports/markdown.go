package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the table as forums and code hosts show it (GitHub's flavour),
// with the result in plain words above it and the sentences that belong to it below.
func Markdown(w io.Writer, m Matrix) error {
	r := read(m)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### %s\n\n%s %s: %s.\n\n", escape(r.subject()), escape(r.sentence()), escape(r.effort()), escape(r.state()))
	markdownTable(out, r)
	for _, section := range r.sections() {
		fmt.Fprintf(out, "\n**%s**\n\n", escape(section.title))
		for _, line := range section.lines {
			fmt.Fprintf(out, "- %s\n", escape(line))
		}
	}
	return out.Flush()
}

func markdownTable(out io.Writer, r reading) {
	top := append(append(heads(), r.headings...), "Evidence")
	markdownLine(out, top)
	fmt.Fprintln(out, strings.Repeat("|---", len(top))+"|")
	for _, row := range r.Rows {
		line := facts(row.Destination)
		for _, column := range r.Columns {
			line = append(line, r.phrase(row.Cells[column.ID]))
		}
		markdownLine(out, append(line, evidence(row)))
	}
}

func markdownLine(out io.Writer, cells []string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(each(cells, escape), " | "))
}

// escape makes text mean itself in Markdown, and never HTML. An underscore
// between letters or digits is left alone, since it means itself there and is
// common in names.
func escape(text string) string {
	text = Clean(text)
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == '<':
			out.WriteString("&lt;")
		case r == '>':
			out.WriteString("&gt;")
		case r == '&':
			out.WriteString("&amp;")
		case r == '@' && !between(text, i): // would call a person of that name
			out.WriteString("&#64;")
		case r == '_' && between(text, i):
			out.WriteRune(r)
		case strings.ContainsRune("\\`*_[]|~", r):
			out.WriteRune('\\')
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// between reports whether ASCII letters or digits stand on both sides of text[i].
func between(text string, i int) bool {
	return i > 0 && i+1 < len(text) && alphanumeric(text[i-1]) && alphanumeric(text[i+1])
}

func alphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}
