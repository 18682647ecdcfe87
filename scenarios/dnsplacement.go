package scenarios

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/yamlfile"
)

// ByDNS is the placement of a resolver: no packets of the device are seen but its DNS
// queries.
const ByDNS = "dns"

// dnsPort is where resolvers listen.
const dnsPort = 53

// Faults lists the faults that the placement has, the usual one first.
func (g Gateway) Faults() []string {
	if g.Placement == ByDNS {
		return faultNames(harness.ResolverFaults())
	}
	return faultNames(harness.GatewayFaults())
}

func faultNames(faults []harness.Fault) (names []string) {
	for _, fault := range faults {
		names = append(names, string(fault))
	}
	return names
}

// Upstream is the resolver that placement dns gets its answers from; ok is false if the
// spec leaves it out.
func (g Gateway) Upstream() (at netip.AddrPort, ok bool) {
	if at, err := netip.ParseAddrPort(g.Resolver); err == nil {
		return at, true
	}
	address, err := netip.ParseAddr(g.Resolver)
	return netip.AddrPortFrom(address, dnsPort), err == nil
}

// checkFaults rejects a fault that the placement does not have.
func (f File) checkFaults() *yamlfile.Flaw {
	at := keys("block", "faults")
	able := f.Gateway.Faults()
	for i, fault := range f.Block.Faults {
		known := slices.Contains(harness.Faults(), harness.Fault(fault))
		if !known || slices.Contains(able, fault) {
			continue
		}
		why := "only placement dns has it"
		if f.Gateway.Placement == ByDNS {
			why = "it needs a gateway that the device's packets cross"
		}
		return yamlfile.FlawAt(append(at, strconv.Itoa(i)), "write one of "+strings.Join(able, ", "), "placement %s has no fault %s: %s", f.Gateway.Placement, fault, why)
	}
	return words(at, f.Block.Faults, "fault", able...)
}

// checkResolver rejects what makes no sense with placement dns, or only with it.
func (f File) checkResolver() *yamlfile.Flaw {
	g := f.Gateway
	if g.Placement != ByDNS {
		switch {
		case g.Resolver != "":
			return yamlfile.FlawAt(keys("gateway", "resolver"), "leave it out", "placement %s has no resolver", g.Placement)
		case g.Listen.IsValid():
			return yamlfile.FlawAt(keys("gateway", "listen"), "leave it out", "placement %s has no listen", g.Placement)
		}
		return nil
	}
	at, ok := g.Upstream()
	address := at.Addr()
	switch {
	case g.Resolver != "" && (!ok || at.Port() == 0 || address.IsUnspecified() || address.IsMulticast()):
		return yamlfile.FlawAt(keys("gateway", "resolver"), "write the home router or the Pi-hole, such as 192.168.1.1 or 192.168.1.2:5353", "%q is not the address of a resolver", g.Resolver)
	case g.Listen.IsValid() && (g.Listen.IsUnspecified() || g.Listen.IsMulticast()):
		return yamlfile.FlawAt(keys("gateway", "listen"), "write this machine's address in the home network, such as 192.168.1.10", "%s is not an address that a device can query", g.Listen)
	case ok && address == g.Listen && at.Port() == dnsPort:
		return yamlfile.FlawAt(keys("gateway", "resolver"), "name another resolver, such as the home router", "resolver and listen are both %s", address)
	case len(f.Block.Keep) > 0:
		return yamlfile.FlawAt(keys("block", "keep"), "leave it out", "placement dns has no keep: only names are blocked")
	}
	for i, pattern := range f.Block.Patterns() {
		name := pattern.String()
		if _, err := netip.ParseAddr(name); err == nil || strings.Contains(name, "/") {
			return yamlfile.FlawAt(keys("block", "always", strconv.Itoa(i)), "write a host or *.domain", "placement dns blocks names, and %s is more than a name", name)
		}
	}
	return nil
}
