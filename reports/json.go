package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
)

// JSON writes the canonical form. Signs that would not be seen, or would turn
// the writing round, are written as \u escapes: the text means the same, and is
// safe to show in a terminal.
func JSON(w io.Writer, m Matrix) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(m); err != nil {
		return fmt.Errorf("writing the report in JSON: %w", err)
	}
	_, err := w.Write(escapeUnseen(text.Bytes()))
	return err
}

// escapeUnseen works on finished JSON, in which anything but ASCII can only be
// within a string.
func escapeUnseen(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		if r < unicode.MaxASCII || unicode.IsGraphic(r) {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.Bytes()
}
