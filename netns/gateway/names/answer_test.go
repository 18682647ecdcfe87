package names_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

var one = netip.MustParseAddr("198.51.100.1")

func answer(name string, records ...string) *dns.Msg {
	GinkgoHelper()
	message := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA))
	for _, text := range records {
		record, err := dns.NewRR(text)
		Expect(err).NotTo(HaveOccurred())
		message.Answer = append(message.Answer, record)
	}
	return message
}

var _ = Describe("reading an answer", func() {
	DescribeTable("finds the asked name's addresses", func(records []string, expected ...string) {
		found := names.Resolved(answer("Cloud.Example", records...))
		Expect(found.Name).To(Equal("cloud.example"))
		var texts []string
		for _, address := range found.Addresses {
			texts = append(texts, address.String())
		}
		Expect(texts).To(ConsistOf(expected))
	},
		Entry("that it has itself", []string{"cloud.example. A 198.51.100.1", "CLOUD.example. AAAA 2001:db8::1"}, "198.51.100.1", "2001:db8::1"),
		Entry("behind aliases, in any order", []string{
			"edge.cdn.example. A 198.51.100.7", "mid.example. CNAME edge.cdn.example.", "cloud.example. CNAME mid.example."}, "198.51.100.7"),
		Entry("in a circle of aliases", []string{
			"cloud.example. CNAME a.example.", "a.example. CNAME cloud.example.", "a.example. A 198.51.100.1"}, "198.51.100.1"),
		Entry("beside what an alias for services names", []string{
			"cloud.example. HTTPS 0 svc.example.", "svc.example. A 198.51.100.6"}, "198.51.100.6"),
		Entry("in hints", []string{`cloud.example. HTTPS 1 . alpn="h2" ipv4hint="198.51.100.8" ipv6hint="2001:db8::8"`}, "198.51.100.8", "2001:db8::8"),
		Entry("but not those of another name", []string{"other.example. A 198.51.100.9"}),
		Entry("where there are none", nil),
	)

	It("tells the names that stand for the asked one", func() {
		Expect(names.Resolved(answer("cloud.example", "cloud.example. CNAME mid.example.", "mid.example. CNAME edge.example.",
			"edge.example. HTTPS 1 svc.example.", "other.example. CNAME elsewhere.example.")).Aliases).
			To(HaveExactElements("edge.example", "mid.example", "svc.example"))
	})

	It("takes nothing from a question", func() {
		Expect(names.Resolved(new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA))).To(BeZero())
	})

	It("reads what passes, over UDP and TCP", func() {
		packed, err := answer("cloud.example", "cloud.example. A 198.51.100.1").Pack()
		Expect(err).NotTo(HaveOccurred())
		found := names.Overheard("udp", packed)
		Expect(found.Name).To(Equal("cloud.example"))
		Expect(found.Addresses).To(HaveExactElements(one))

		segment := append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
		found = names.Overheard("tcp", segment)
		Expect(found.Name).To(Equal("cloud.example"))
		Expect(found.Addresses).To(HaveExactElements(one))
	})

	DescribeTable("takes nothing from what is no answer", func(protocol string, payload []byte) {
		Expect(names.Overheard(protocol, payload)).To(BeZero())
	},
		Entry(nil, "udp", []byte{}),
		Entry(nil, "udp", []byte("GET / HTTP/1.1")),
		Entry(nil, "tcp", []byte{7}),
	)
})

func FuzzOverheard(f *testing.F) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeHTTPS} {
		packed, err := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("cloud.example.", kind)).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add("udp", packed)
		f.Add("tcp", append([]byte{0, byte(len(packed))}, packed...))
	}
	f.Fuzz(func(t *testing.T, protocol string, text []byte) {
		found := names.Overheard(protocol, text)
		for _, address := range found.Addresses {
			if !address.IsValid() {
				t.Errorf("%q has no real address", found.Name)
			}
		}
	})
}
