package blocklist

import (
	"slices"
	"strings"
)

// unboundOption is the option that begins a line of Unbound; "" if there is none.
func unboundOption(text string) string {
	option, _, found := strings.Cut(text, ":")
	if found && slices.Contains([]string{"server", "local-zone", "local-data", "local-zone-override", "local-data-ptr"}, option) {
		return option
	}
	return ""
}

// unbound reads local-zone, which is about a name and all below it, and local-data,
// which is about one name.
func (p *parser) unbound(text string) error {
	option := unboundOption(text)
	_, value, _ := strings.Cut(text, ":")
	fields := strings.Fields(strings.NewReplacer(`"`, " ", `'`, " ").Replace(value))
	switch {
	case option == "server" && len(fields) == 0:
		return nil
	case option == "local-zone" && len(fields) == 2:
	case option == "local-data" && len(fields) >= 3:
		name, err := properName(fields[0])
		if err != nil {
			return err
		}
		p.add(name, block)
		return nil
	default:
		return wrong(option, `this line of Unbound is not supported: write local-zone: "ads.example.com" always_nxdomain`)
	}
	m := block
	switch fields[1] {
	case "always_nxdomain", "always_null", "always_refuse", "always_nodata", "always_deny", "refuse", "deny", "static", "redirect", "inform_deny", "inform_redirect", "block_a":
	case "transparent", "always_transparent", "typetransparent", "inform", "nodefault":
		m = allow
	default:
		return wrong(fields[1], "%q is not a type of local zone that is known here: write always_nxdomain", fields[1])
	}
	name, err := properName(fields[0])
	if err != nil {
		return err
	}
	p.add(name, m|m.below())
	return nil
}
