package blocklist

import (
	"net/netip"
	"strings"
)

// domain reads a line with one name. *.NAME and .NAME are the name and all below it.
func (p *parser) domain(text string) error {
	if _, err := netip.ParseAddr(text); err == nil {
		return errIgnored // a list of names does not block an address
	}
	bare, wide := strings.CutPrefix(strings.TrimPrefix(text, "*"), ".")
	name, err := properName(bare)
	if err != nil {
		return err
	}
	if wide {
		p.add(name, block|block.below())
		return nil
	}
	p.add(name, block)
	return nil
}

// plainWildcard reports whether a line is *.NAME.
func plainWildcard(text string) bool {
	bare, wide := strings.CutPrefix(text, "*.")
	return wide && !strings.ContainsAny(bare, "|^$/@*:?=&")
}
