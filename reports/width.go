package reports

import (
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/needwant/needwant/internal/span"
)

// width is the number of terminal columns that a text takes.
func width(text string) int { return displaywidth.String(text) }

// pad fills a text up with blanks on the right.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-width(text)))
}

// Shorten cuts out the middle of a text that is wider than this many terminal columns: of
// a host name both ends tell more.
func Shorten(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	if columns < 1 {
		return ""
	}
	head := displaywidth.TruncateString(text, columns/2, "")
	return head + "…" + tail(text, columns-1-width(head))
}

// tail is as much of a text's end as fits.
func tail(text string, columns int) string {
	excess := width(text) - columns
	for clusters := displaywidth.StringGraphemes(text); excess > 0 && clusters.Next(); {
		excess -= clusters.Width()
		text = text[len(clusters.Value()):]
	}
	return text
}

// wrap breaks a text between words into lines of at most so many columns, and
// shortens words that do not fit into one.
func wrap(text string, columns int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(span.Joined(text)) {
		word = Shorten(strings.ReplaceAll(word, span.Joint, " "), columns)
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= columns:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
