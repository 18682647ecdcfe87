package names_test

import (
	"net"
	"strings"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

var _ = DescribeTable("the name of a host", func(name string, expected bool) {
	Expect(names.IsHost(name)).To(Equal(expected))
	message := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA))
	message.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(198, 51, 100, 1)}}
	found := names.Resolved(message)
	Expect(found.Name == name && len(found.Addresses) == 1).To(Equal(expected), "in an answer")
},
	Entry(nil, "cloud.example", true),
	Entry(nil, "a-b_c.x1.example", true),
	Entry(nil, "_http._tcp.example", true),
	Entry(nil, "xn--bcher-kva.example", true),
	Entry("a single label", "homeassistant", true),
	Entry("the gateway's own resolver", "resolver", false),
	Entry("an address", "203.0.113.99", false),
	Entry("an address, IPv6", "2001:db8::1", false),
	Entry("a short form of an address", "127.1", false),
	Entry("a last label of digits", "cloud.7", false),
	Entry("a wildcard", "*.example", false),
	Entry("a slash", "a/b.example", false),
	Entry("an escape", `a\032b.example`, false),
	Entry("a label that is too long", strings.Repeat("a", 64)+".example", false),
	Entry("too long", strings.Repeat("a.", 126)+"example", false),
)

var _ = Describe("the name of a host", func() {
	It("is not taken from a CNAME if it is not that of a host", func() {
		found := names.Resolved(answer("cloud.example", "cloud.example. CNAME 203.0.113.99.", "203.0.113.99. A 198.51.100.1"))
		Expect(found.Aliases).To(BeEmpty())
		Expect(found.Addresses).To(BeEmpty())
	})
})
