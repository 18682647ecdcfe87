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

// Flaw is something wrong with a file's meaning, by the keys that lead to it.
type Flaw struct {
	Path    []string // as "destinations", "ec2_a", "port", or the index in a list; the place is found by it
	Inside  bool     // Column counts from the value's first character, behind its quote
	Column  int      // from 0
	Secret  bool     // the value must not be shown
	Message string
	Remedy  string
}

// FlawAt is a flaw of the whole value at a path.
func FlawAt(path []string, remedy, format string, values ...any) *Flaw {
	return &Flaw{Path: path, Message: fmt.Sprintf(format, values...), Remedy: remedy}
}

// where leads to the flaw in words.
func (f *Flaw) where() string {
	if len(f.Path) == 0 {
		return ""
	}
	return strings.Join(f.Path, ".") + ": "
}
