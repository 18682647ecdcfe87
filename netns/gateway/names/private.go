package names

import (
	"net/netip"
	"slices"
	"strings"
)

// A device may ask for names where nobody can read along: over TLS (RFC 7858,
// port 853), over QUIC (RFC 9250, the same port) or over HTTPS (RFC 8484), which
// looks like any other web server but for who it is.

const privatePort, webPort = 853, 443

// operator is one whose resolvers answer over TLS and HTTPS.
type operator struct {
	name      string
	domains   []string // and what is below them
	addresses []string
	source    string // where the operator publishes them
}

// operators are the public ones that devices are known to have written in. A
// resolver that is not here is still known by port 853.
func operators() []operator {
	return []operator{
		{"Google", []string{"dns.google"},
			[]string{"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"},
			"https://developers.google.com/speed/public-dns/docs/using"},
		{"Cloudflare", []string{"cloudflare-dns.com", "one.one.one.one"},
			[]string{"1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3",
				"2606:4700:4700::1111", "2606:4700:4700::1001", "2606:4700:4700::1112", "2606:4700:4700::1002",
				"2606:4700:4700::1113", "2606:4700:4700::1003"},
			"https://developers.cloudflare.com/1.1.1.1/ip-addresses/"},
		{"Quad9", []string{"quad9.net"},
			[]string{"9.9.9.9", "149.112.112.112", "9.9.9.10", "149.112.112.10", "9.9.9.11", "149.112.112.11",
				"2620:fe::fe", "2620:fe::9", "2620:fe::10", "2620:fe::fe:10", "2620:fe::11", "2620:fe::fe:11"},
			"https://quad9.net/service/service-addresses-and-features/"},
		{"AdGuard", []string{"adguard-dns.com"},
			[]string{"94.140.14.14", "94.140.15.15", "94.140.14.15", "94.140.15.16", "94.140.14.140", "94.140.14.141",
				"2a10:50c0::ad1:ff", "2a10:50c0::ad2:ff", "2a10:50c0::bad1:ff", "2a10:50c0::bad2:ff", "2a10:50c0::1:ff", "2a10:50c0::2:ff"},
			"https://adguard-dns.io/kb/general/dns-providers/"},
		{"OpenDNS", []string{"doh.opendns.com", "doh.familyshield.opendns.com", "dns.opendns.com"},
			[]string{"208.67.222.222", "208.67.220.220", "208.67.222.123", "208.67.220.123", "2620:119:35::35", "2620:119:53::53"},
			"https://www.opendns.com/setupguide/"},
		{"AliDNS", []string{"dns.alidns.com"},
			[]string{"223.5.5.5", "223.6.6.6", "2400:3200::1", "2400:3200:baba::1"},
			"https://www.alidns.com/"},
		{"DNSPod", []string{"doh.pub", "dot.pub", "dns.pub"},
			[]string{"1.12.12.12", "120.53.53.53"},
			"https://www.dnspod.cn/products/publicdns"},
		{"Mullvad", []string{"dns.mullvad.net"},
			[]string{"194.242.2.2", "194.242.2.3", "194.242.2.4", "2a07:e340::2", "2a07:e340::3", "2a07:e340::4"},
			"https://mullvad.net/en/help/dns-over-https-and-dns-over-tls"},
		{"Control D", []string{"dns.controld.com", "freedns.controld.com"},
			[]string{"76.76.2.0", "76.76.10.0", "76.76.2.1", "76.76.10.1", "76.76.2.2", "76.76.10.2"},
			"https://controld.com/free-dns"},
		{"NextDNS", []string{"dns.nextdns.io"}, []string{"45.90.28.0", "45.90.30.0"}, "https://nextdns.io/"},
	}
}

// Private says in words by which way a destination answers questions for names
// that nobody else can read, as "DNS over HTTPS at Google"; "" where it is not
// known to.
func Private(protocol string, port uint16, name string, addresses []netip.Addr) string {
	at := operatorOf(name, addresses)
	switch {
	case port == privatePort && protocol == "udp":
		return "DNS over QUIC" + at
	case port == privatePort:
		return "DNS over TLS" + at
	case port == webPort && at != "":
		return "DNS over HTTPS" + at
	}
	return ""
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
