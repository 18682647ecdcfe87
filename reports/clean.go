package reports

import (
	"fmt"
	"strings"
	"unicode"
)

// Clean makes text of unknown origin fit for one line of a report: line breaks,
// control signs, marks that reverse the direction of writing, and all else that
// is not seen are shown by their numbers, as \u202e.
func Clean(text string) string {
	if strings.IndexFunc(text, unseen) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if unseen(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// unseen tells of the replacement character too, which stands for bytes that
// are no text at all, and of variation selectors, which change the width of
// what stands before them.
func unseen(r rune) bool {
	return !unicode.IsGraphic(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Variation_Selector, r)
}
