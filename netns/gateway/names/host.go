package names

import "strings"

// Reserved is the name under which the gateway's own resolver is a destination. No
// host has it.
const Reserved = "resolver"

// IsHost reports whether a canonical name, which a stranger wrote, can be the name of
// a host: labels of letters, digits, hyphens and underscores (RFC 1035 section 2.3.1,
// RFC 8553), of which the last one has a letter, so that it does not read like an
// address. [Reserved] is not one.
func IsHost(name string) bool {
	const longest, longestLabel = 253, 63 // RFC 1035 section 2.3.4
	if len(name) > longest || name == Reserved {
		return false
	}
	letters := false
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > longestLabel || strings.ContainsFunc(label, notInLabel) {
			return false
		}
		letters = strings.ContainsFunc(label, func(c rune) bool { return c >= 'a' && c <= 'z' })
	}
	return letters
}

func notInLabel(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
}
