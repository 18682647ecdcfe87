package names

import (
	"net/netip"
	"slices"
	"strings"
)

// A device may ask for names where nobody can read along: over TLS (RFC 7858,
// port 853), over QUIC (RFC 9250, the same port) or over HTTPS (RFC 8484), which
// looks like any other web server except for who it is.

const webPort = 443

// PrivatePort is the port of DNS over TLS and of DNS over QUIC.
const PrivatePort = 853

// operator is one whose resolvers answer over TLS and HTTPS.
type operator struct {
	name      string
	domains   []string // of resolvers alone, and what is below them
	addresses []string // of resolvers alone, in the shortest form
	source    string   // where the operator publishes them, or a list below
}

// Lists that more than one row was read from or checked against.
const (
	// knownProviders is AdGuard's, at its commit 0065022.
	knownProviders = "https://adguard-dns.io/kb/general/dns-providers/"
	// resolvedServers is what some thousand servers' names resolve to, at its
	// commit 0000587.
	resolvedServers = "https://github.com/dibdot/DoH-IP-blocklists"
	// builtIn is what Chromium turns to, at its commit 0297de7.
	builtIn = "https://github.com/chromium/chromium/blob/main/net/dns/public/doh_provider_entry.cc"
)

// operators are the public ones that devices are likely to have written in, as
// read in November 2026. A resolver that is not here is still known by port 853.
//
// Where other websites share the addresses, or these change, only the name is
// here, as dns.cloudflare.com and Apple's. Operators' own websites are not, as
// www.quad9.net and adguard-dns.com. Nor is Mullvad, which closed its public
// resolvers on 2026-11-02 (https://github.com/tailscale/tailscale/issues/21192).
func operators() []operator {
	return []operator{
		{"Google", []string{"dns.google", "dns.google.com", "8888.google"},
			[]string{"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"},
			"https://developers.google.com/speed/public-dns/docs/secure-transports"},
		{"Cloudflare", []string{"cloudflare-dns.com", "one.one.one.one", "dns.cloudflare.com"},
			[]string{"1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3",
				"2606:4700:4700::1111", "2606:4700:4700::1001", "2606:4700:4700::1112", "2606:4700:4700::1002",
				"2606:4700:4700::1113", "2606:4700:4700::1003"},
			"https://developers.cloudflare.com/1.1.1.1/ip-addresses/"},
		{"Quad9", []string{"dns.quad9.net", "dns9.quad9.net", "dns10.quad9.net", "dns11.quad9.net", "dns12.quad9.net"},
			[]string{"9.9.9.9", "149.112.112.112", "149.112.112.9", "9.9.9.10", "149.112.112.10",
				"9.9.9.11", "149.112.112.11", "9.9.9.12", "149.112.112.12",
				"2620:fe::fe", "2620:fe::9", "2620:fe::fe:9", "2620:fe::10", "2620:fe::fe:10",
				"2620:fe::11", "2620:fe::fe:11", "2620:fe::12", "2620:fe::fe:12"},
			"https://github.com/Quad9DNS/dnscrypt-settings"},
		{"AdGuard", []string{"dns.adguard-dns.com", "family.adguard-dns.com", "unfiltered.adguard-dns.com", "d.adguard-dns.com",
			"dns.adguard.com", "dns-family.adguard.com", "dns-unfiltered.adguard.com"},
			[]string{"94.140.14.14", "94.140.15.15", "94.140.14.15", "94.140.15.16", "94.140.14.140", "94.140.14.141", "94.140.14.49", "94.140.14.59",
				"2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff", "2a10:50c0::bad1:ff", "2a10:50c0::bad2:ff",
				"2a10:50c0::1:ff", "2a10:50c0::2:ff", "2a10:50c0::ded:ff", "2a10:50c0::dad:ff"},
			knownProviders},
		{"OpenDNS", []string{"doh.opendns.com", "dns.opendns.com", "familyshield.opendns.com", "sandbox.opendns.com",
			"doh.umbrella.com", "dns.umbrella.com"},
			[]string{"208.67.222.222", "208.67.220.220", "208.67.222.123", "208.67.220.123", "208.67.222.2", "208.67.220.2",
				"146.112.41.2", "146.112.41.3", "146.112.41.4", "146.112.41.5",
				"2620:119:35::35", "2620:119:53::53", "2620:119:35::123", "2620:119:53::123", "2620:0:ccc::2", "2620:0:ccd::2",
				"2620:119:fc::2", "2620:119:fc::3", "2620:119:fc::4", "2620:119:fc::5"},
			resolvedServers},
		{"CleanBrowsing", []string{"doh.cleanbrowsing.org", "family-filter-dns.cleanbrowsing.org",
			"adult-filter-dns.cleanbrowsing.org", "security-filter-dns.cleanbrowsing.org"},
			[]string{"185.228.168.168", "185.228.169.168", "185.228.168.10", "185.228.169.11", "185.228.168.9", "185.228.169.9",
				"2a0d:2a00:1::", "2a0d:2a00:2::", "2a0d:2a00:1::1", "2a0d:2a00:2::1", "2a0d:2a00:1::2", "2a0d:2a00:2::2"},
			builtIn},
		{"Control D", []string{"dns.controld.com", "freedns.controld.com"},
			[]string{"76.76.2.11", "76.76.10.11", "76.76.2.22", "76.76.10.22",
				"2606:1a40::11", "2606:1a40:1::11", "2606:1a40::22", "2606:1a40:1::22"},
			"https://docs.controld.com/docs/control-d-ip-ranges"},
		{"NextDNS", []string{"dns.nextdns.io", "dns1.nextdns.io", "dns2.nextdns.io"},
			[]string{"45.90.28.0", "45.90.30.0", "2a07:a8c0::", "2a07:a8c1::"},
			"https://github.com/nextdns/nextdns/blob/master/run.go"},
		{"DNS.SB", []string{"doh.dns.sb", "doh.sb", "dot.sb"},
			[]string{"185.222.222.222", "45.11.45.11", "2a09::", "2a11::"},
			builtIn},
		{"AliDNS", []string{"dns.alidns.com"},
			[]string{"223.5.5.5", "223.6.6.6", "2400:3200::1", "2400:3200:baba::1"},
			knownProviders},
		{"DNSPod", []string{"doh.pub", "dot.pub", "dns.pub"},
			[]string{"1.12.12.12", "120.53.53.53"},
			resolvedServers},
		{"360", []string{"doh.360.cn", "dot.360.cn"},
			[]string{"101.198.192.33", "101.198.193.29"},
			resolvedServers},
		{"Yandex", []string{"dot.dns.yandex.net"},
			[]string{"77.88.8.8", "77.88.8.1", "77.88.8.88", "77.88.8.2", "77.88.8.7", "77.88.8.3",
				"2a02:6b8::feed:ff", "2a02:6b8:0:1::feed:ff", "2a02:6b8::feed:bad", "2a02:6b8:0:1::feed:bad",
				"2a02:6b8::feed:a11", "2a02:6b8:0:1::feed:a11"},
			knownProviders},
		{"Apple", []string{"doh.dns.apple.com"}, nil, resolvedServers},
	}
}

// Private says in words by which way a destination answers questions for names
// that nobody else can read, as "DNS over HTTPS at Google"; "" where it is not
// known to.
func Private(protocol string, port uint16, name string, addresses []netip.Addr) string {
	if port != PrivatePort && port != webPort {
		return ""
	}
	at := operatorOf(name, addresses)
	switch {
	case port == PrivatePort && protocol == "udp":
		return "DNS over QUIC" + at
	case port == PrivatePort:
		return "DNS over TLS" + at
	case port == webPort && at != "":
		return "DNS over HTTPS" + at
	}
	return ""
}

// Operator is who runs a public resolver that answers encrypted queries under a name
// or at one of some addresses; "" if none is known.
func Operator(name string, addresses []netip.Addr) string {
	return strings.TrimPrefix(operatorOf(name, addresses), " at ")
}

func operatorOf(name string, addresses []netip.Addr) string {
	for _, o := range operators() {
		below := func(domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }
		theirs := func(address netip.Addr) bool { return slices.Contains(o.addresses, address.String()) }
		if slices.ContainsFunc(o.domains, below) || slices.ContainsFunc(addresses, theirs) {
			return " at " + o.name
		}
	}
	return ""
}
