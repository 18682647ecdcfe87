package attribution

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/needwant/needwant/harness"
)

// A home's resolver that blocks a name often answers with an address that no host
// on the internet can have: 0.0.0.0, "::", 127.0.0.1, or its own. Such an address is
// never blocked, and never belongs to a name.

// unhosted are the networks, beyond those that package netip recognises, in which
// no host on the internet can be.
var unhosted = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), // "this network" (RFC 1122)
	netip.MustParsePrefix("::/96"),     // IPv4 in IPv6 (RFC 4291, 2.5.5.1, deprecated)
	netip.MustParsePrefix("100::/64"),  // discarded (RFC 6666)
	netip.MustParsePrefix("fec0::/10"), // site-local (RFC 3879)
}

// onInternet reports whether an address, which is not IPv4 in IPv6, can be that of
// a host on the internet.
func onInternet(address netip.Addr) bool {
	return address.IsGlobalUnicast() && !within(unhosted, address)
}

func within(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// foreign reports whether an address can be that of a destination: on the internet,
// and neither at home nor the gateway's.
func (t *Table) foreign(address netip.Addr) bool {
	return onInternet(address) && !t.atHome(address)
}

func (t *Table) atHome(address netip.Addr) bool {
	return t.own(address) || within(t.config.Home, address)
}

func (t *Table) own(address netip.Addr) bool { return slices.Contains(t.config.Own, address) }

// usable returns the addresses that can be those of a destination, without zones,
// and as IPv4 if they are IPv4 in IPv6.
func (t *Table) usable(addresses []netip.Addr) (usable []netip.Addr) {
	for _, address := range addresses {
		if address = plain(address); t.foreign(address) {
			usable = append(usable, address)
		}
	}
	return usable
}

func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// The most names that a window lists as blocked by the home's resolver, and the
// most addresses of each.
const (
	mostSinkholes         = 256
	mostSinkholeAddresses = 8
)

// noteSinkhole records the addresses of an answer that no host on the internet can
// have. A name of the home network has an address there by right.
func (t *Table) noteSinkhole(name string, addresses []netip.Addr) {
	for _, address := range addresses {
		address = plain(address)
		if !Sinkholed(name, address, t.atHome(address)) {
			continue
		}
		known := t.sinkholes[name]
		if slices.Contains(known, address) || len(known) >= mostSinkholeAddresses || known == nil && len(t.sinkholes) >= mostSinkholes {
			continue
		}
		t.sinkholes[name] = append(known, address)
	}
}

// Sinkholed reports whether a resolver that answers a name with an address, which may
// be in the home network, blocks the name.
func Sinkholed(name string, address netip.Addr, home bool) bool {
	return !onInternet(address) || home && !local(name)
}

// local reports whether a name is one of a home network: a single label, or below a
// domain that routers use at home or that is reserved for it (RFC 6762, appendix G,
// and RFC 8375).
func local(name string) bool {
	at := strings.LastIndexByte(name, '.')
	return at < 0 || strings.HasSuffix(name, ".home.arpa") || strings.HasSuffix(name, ".fritz.box") ||
		slices.Contains([]string{"local", "localdomain", "lan", "home", "internal", "intranet", "private", "corp", "localhost"}, name[at+1:])
}

// Sinkholes are the names that were answered in this window with addresses that no
// host on the internet can have, sorted.
func (t *Table) Sinkholes() (all []harness.Sinkhole) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.sinkholes)) {
		addresses := slices.Clone(t.sinkholes[name])
		slices.SortFunc(addresses, netip.Addr.Compare)
		all = append(all, harness.Sinkhole{Name: name, Addresses: addresses})
	}
	return all
}
