package blocklist

import "strings"

// ParseWithin reads a list under smaller limits.
func ParseWithin(bytes, entries, patterns int, text string) (*List, error) {
	return parse("list.txt", strings.NewReader(text), nil, limits{bytes, entries, patterns})
}
