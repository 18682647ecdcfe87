package main

import (
	"io"
	"strings"

	"github.com/needwant/needwant/reports"
)

// plain writes texts in which a file, a device or a server may have a part: what
// would do something to a terminal is shown by its number, e.g. \u001b.
type plain struct{ io.Writer }

func (p plain) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.Writer, visible(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// visible keeps line breaks and tabs, and makes everything else that is not seen visible.
func visible(text string) string {
	var out strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		body, ended := strings.CutSuffix(line, "\n")
		for i, cell := range strings.Split(body, "\t") {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(reports.Clean(cell))
		}
		if ended {
			out.WriteByte('\n')
		}
	}
	return out.String()
}
