package yamlfile

import (
	"fmt"
	"strings"
)

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
