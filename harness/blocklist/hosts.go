package blocklist

import (
	"net/netip"
	"strings"
)

// hosts reads a line of a hosts file: an address, and the names that have it. Only the
// addresses that lead nowhere block.
func (p *parser) hosts(fields []string) error {
	text, _, _ := strings.Cut(fields[0], "%")
	address, err := netip.ParseAddr(text)
	if err != nil {
		return wrong(fields[0], "%q is not an address: write a line like 0.0.0.0 ads.example.com, or one name per line", fields[0])
	}
	if !address.IsUnspecified() && !address.IsLoopback() {
		return errIgnored // a name of a host at home
	}
	ignored := true
	for _, text := range fields[1:] {
		if _, err := netip.ParseAddr(text); err == nil || !strings.Contains(strings.TrimSuffix(text, "."), ".") || strings.EqualFold(text, "localhost.localdomain") {
			continue // localhost, and the like
		}
		name, err := properName(text)
		if err != nil {
			return err
		}
		p.add(name, block)
		ignored = false
	}
	if ignored {
		return errIgnored
	}
	return nil
}
