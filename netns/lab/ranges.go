package lab

import "net/netip"

// The lab's own networks. No destination of a world may lie in them.
//
// The device's subnet and the home network are those of a usual home. The
// services are what stands on the internet's side without being a destination:
// the resolver that the gateway asks, and the vendor's cloud. Their ranges are
// those of RFC 6598 and RFC 4193, which no real destination has.
func labNetworks() map[string]netip.Prefix {
	return map[string]netip.Prefix{
		"device":      netip.MustParsePrefix("192.168.50.0/24"),
		"device v6":   netip.MustParsePrefix("fd00:50::/64"),
		"home":        netip.MustParsePrefix("192.168.1.0/24"),
		"home v6":     netip.MustParsePrefix("fd00:1::/64"),
		"services":    netip.MustParsePrefix("100.64.0.0/24"),
		"services v6": netip.MustParsePrefix("fd00:64::/64"),
	}
}

// unusable says why an address cannot be a destination's, or "".
func unusable(address netip.Addr) string {
	switch {
	case !address.IsValid():
		return "is no address"
	case address.Is4In6():
		return "is an IPv4 address in IPv6 notation"
	case address.IsUnspecified(), address.IsLoopback(), address.IsMulticast(), address.IsLinkLocalUnicast():
		return "is no address of a destination"
	case address.Is4() && (address.As4()[0] == 0 || address.As4()[0] >= 224):
		return "is no address of a destination"
	}
	for _, network := range labNetworks() {
		if network.Contains(address) {
			return "lies in " + network.String() + ", which the lab needs for itself"
		}
	}
	return ""
}
