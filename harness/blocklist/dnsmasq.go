package blocklist

import (
	"net/netip"
	"strings"
)

// dnsmasqOption is the option that begins a line of dnsmasq; "" if there is none.
func dnsmasqOption(text string) string {
	option, value, _ := strings.Cut(strings.TrimPrefix(text, "--"), "=")
	switch option = strings.TrimSpace(option); {
	case !strings.HasPrefix(strings.TrimSpace(value), "/"):
		return ""
	case option == "address" || option == "server" || option == "local":
		return option
	}
	return ""
}

// dnsmasq reads address=/NAME/, server=/NAME/ and local=/NAME/. A server, or # for the
// usual ones, makes server=/NAME/ an exception.
func (p *parser) dnsmasq(text string) error {
	option := dnsmasqOption(text)
	_, value, _ := strings.Cut(text, "=")
	parts := strings.Split(strings.TrimSpace(value), "/")
	if len(parts) < 3 {
		return wrong(value, "a slash is missing at the end of the name: write %s=/ads.example.com/", option)
	}
	target, m := strings.TrimSpace(parts[len(parts)-1]), block
	address, err := netip.ParseAddr(target)
	switch {
	case target == "#" && option == "address": // 0.0.0.0 and ::
	case target == "#" || option == "server" && target != "":
		m = allow
	case target == "":
	case err != nil:
		return wrong(target, "%q is not an address", target)
	case !address.IsUnspecified() && !address.IsLoopback():
		return errIgnored // a name of a host at home
	}
	for _, text := range parts[1 : len(parts)-1] {
		name, err := properName(strings.TrimPrefix(strings.TrimPrefix(text, "*"), "."))
		if err != nil {
			return err
		}
		p.add(name, m|m.below())
	}
	return nil
}
