package names_test

import (
	"net/netip"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

var _ = DescribeTable("a destination that answers questions in private", func(protocol string, port uint16, name, address, expected string) {
	Expect(names.Private(protocol, port, name, []netip.Addr{netip.MustParseAddr(address)})).To(Equal(expected))
},
	Entry("by its port", "tcp", uint16(853), "resolver.example", "198.51.100.1", "DNS over TLS"),
	Entry("by its port, over QUIC", "udp", uint16(853), "resolver.example", "198.51.100.1", "DNS over QUIC"),
	Entry("by its address", "tcp", uint16(443), "8.8.8.8", "8.8.8.8", "DNS over HTTPS at Google"),
	Entry("by its address, of the other kind", "tcp", uint16(853), "2620:fe::fe", "2620:fe::fe", "DNS over TLS at Quad9"),
	Entry("by its name", "udp", uint16(443), "cloudflare-dns.com", "198.51.100.1", "DNS over HTTPS at Cloudflare"),
	Entry("by a name below", "tcp", uint16(443), "mozilla.cloudflare-dns.com", "198.51.100.1", "DNS over HTTPS at Cloudflare"),
	Entry("by a name below, of one filter", "tcp", uint16(443), "doh.familyshield.opendns.com", "198.51.100.1", "DNS over HTTPS at OpenDNS"),
	Entry("but no website of an operator", "tcp", uint16(443), "www.quad9.net", "198.51.100.1", ""),
	Entry("but no website above its resolvers", "tcp", uint16(443), "adguard-dns.com", "198.51.100.1", ""),
	Entry("but none that only ends alike", "tcp", uint16(443), "notcloudflare-dns.com", "198.51.100.1", ""),
	Entry("but not for what else a known one offers", "udp", uint16(123), "8.8.8.8", "8.8.8.8", ""),
)

var _ = Describe("the addresses of known resolvers", func() {
	It("are written as an address prints, or would never be found", func() {
		for _, written := range names.OperatorAddresses() {
			address, err := netip.ParseAddr(written)
			Expect(err).NotTo(HaveOccurred())
			Expect(address.String()).To(Equal(written))
		}
	})

	It("belong to one operator each", func() {
		Expect(slices.Compact(slices.Sorted(slices.Values(names.OperatorAddresses())))).To(HaveLen(len(names.OperatorAddresses())))
	})
})
