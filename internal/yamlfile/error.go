package yamlfile

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a file, where, and what to do about it.
type Error struct {
	File    string // as it was given
	Line    int    // from 1; 0 if there is no text to point at
	Column  int    // from 1, in characters
	Source  string // the offending line
	Message string
	Remedy  string // what to do, one sentence; may be ""
}

// Error gives the place and the message, then the line with a mark below it,
// then the remedy.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.place(), e.Message)
	if e.Source != "" {
		text += fmt.Sprintf("\n    %s\n    %s^", e.Source, indent(e.Source, e.Column-1))
	}
	if e.Remedy != "" {
		text += "\n  " + e.Remedy
	}
	return text
}

func (e *Error) place() string {
	if e.Line == 0 {
		return e.File
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}

// indent is as wide as the first count characters of line, tabs kept.
func indent(line string, count int) string {
	var wide strings.Builder
	for i, c := range []rune(line) {
		if i >= count {
			break
		}
		if c != '\t' {
			c = ' '
		}
		wide.WriteRune(c)
	}
	return wide.String()
}
