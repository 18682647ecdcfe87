package scenarios

import (
	"slices"
	"strconv"

	"golang.org/x/net/publicsuffix"

	"github.com/needwant/needwant/internal/yamlfile"
)

// checkMaker accepts domains as they are registered: a report compares the domain of
// each destination with them.
func (d Device) checkMaker() *yamlfile.Flaw {
	for i, text := range d.Maker {
		at := keys("device", "maker", strconv.Itoa(i))
		domain, err := publicsuffix.EffectiveTLDPlusOne(text)
		switch {
		case err != nil:
			return yamlfile.FlawAt(at, "write it like xiaomi.com", "%q is not a domain", text)
		case domain != text:
			return yamlfile.FlawAt(at, "write "+domain, "%s is a name below a registered domain", text)
		case slices.Contains(d.Maker[:i], text):
			return yamlfile.FlawAt(at, "leave one out", "%s is given twice", text)
		}
	}
	return nil
}
