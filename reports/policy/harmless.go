package policy

import (
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// plain are the signs, besides letters and digits, that mean nothing within a
// comment or a quoted text to any of the programs.
const plain = " ._:/()+,@*-"

// harmless writes everything that is not plain ASCII by the numbers of its
// bytes, as in a URL: %0a. What is left can end no comment, quotation or line.
func harmless(text string) string {
	var out strings.Builder
	for i := range len(text) {
		b := text[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', strings.IndexByte(plain, b) >= 0:
			out.WriteByte(b)
		default:
			fmt.Fprintf(&out, "%%%02x", b)
		}
	}
	return out.String()
}

// sentence is a sentence about a policy, harmless whatever is in it. Its own text
// has to be plain, too.
func sentence(format string, args ...any) string { return harmless(fmt.Sprintf(format, args...)) }

// oneLine writes control characters and everything that is not ASCII by the
// numbers of its bytes: a line of an export stays one line, and a terminal shows
// it as it is.
func oneLine(text string) string {
	var out strings.Builder
	for i := range len(text) {
		if b := text[i]; b == '\t' || b >= ' ' && b <= '~' {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02x", b)
		}
	}
	return out.String()
}

// short cuts a harmless text.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most-2] + ".."
}

// wellFormed reports whether a name can be part of a configuration: labels of
// letters, digits, hyphens and underscores, as in RFC 1035 section 2.3.1 and
// RFC 8553, lower case, without a trailing dot. "*." may come before them.
func wellFormed(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	if name == "" || len(name) > 253 {
		return false
	}
	letters := false
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return false
		}
		letters = strings.ContainsAny(label, "abcdefghijklmnopqrstuvwxyz")
	}
	return letters // a last label of digits alone would read as an address
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		b := label[i]
		if !(b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
			return false
		}
	}
	return true
}

// standsForMany reports whether a name is one such as "com" or "co.nz", or all
// names below it: blocking it would block what strangers registered there.
// The list is Mozilla's.
func standsForMany(host string) bool {
	host = strings.TrimPrefix(host, "*.")
	if !strings.Contains(host, ".") {
		return true
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	return suffix == host
}

// below reports whether a name is below another, or is the same. "*.DOMAIN" has
// names below it, and is not one of them itself.
func below(name, above string) bool {
	return name == above || strings.HasSuffix(name, "."+strings.TrimPrefix(above, "*."))
}
