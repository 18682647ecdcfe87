package scenarios

import (
	"slices"
	"strconv"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// Patterns are what [Block.Always] names. The spec was checked.
func (b Block) Patterns() (patterns []harness.Pattern) {
	for _, text := range b.Always {
		if pattern, err := harness.ParsePattern(text); err == nil {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func (b Block) checkAlways() *yamlfile.Flaw {
	for i, text := range b.Always {
		at := keys("block", "always", strconv.Itoa(i))
		pattern, err := harness.ParsePattern(text)
		switch {
		case err != nil:
			return yamlfile.FlawAt(at, "write it like cloud.example.com, *.example.com, 203.0.113.5 or udp/123/203.0.113.5", "%v", err)
		case len(pattern.Destinations()) == 0:
			return yamlfile.FlawAt(at, "name a host, *.domain or an address", "%q names every host", text)
		case slices.Contains(b.Always[:i], text):
			return yamlfile.FlawAt(at, "leave one out", "%s is given twice", text)
		}
	}
	return nil
}
