package names_test

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

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
		name, addresses := names.Resolved(answer("Cloud.Example", records...))
		Expect(name).To(Equal("cloud.example"))
		var texts []string
		for _, address := range addresses {
			texts = append(texts, address.String())
		}
		Expect(texts).To(ConsistOf(expected))
	},
		Entry("that it has itself", []string{"cloud.example. A 198.51.100.1", "CLOUD.example. AAAA 2001:db8::1"}, "198.51.100.1", "2001:db8::1"),
		Entry("behind aliases, in any order", []string{
			"edge.cdn.example. A 198.51.100.7", "mid.example. CNAME edge.cdn.example.", "cloud.example. CNAME mid.example."}, "198.51.100.7"),
		Entry("in a circle of aliases", []string{
			"cloud.example. CNAME a.example.", "a.example. CNAME cloud.example.", "a.example. A 198.51.100.1"}, "198.51.100.1"),
		Entry("in hints", []string{`cloud.example. HTTPS 1 . alpn="h2" ipv4hint="198.51.100.8" ipv6hint="2001:db8::8"`}, "198.51.100.8", "2001:db8::8"),
		Entry("but not those of another name", []string{"other.example. A 198.51.100.9"}),
		Entry("where there are none", nil),
	)

	It("takes nothing from a question", func() {
		_, addresses := names.Resolved(new(dns.Msg).SetQuestion("cloud.example.", dns.TypeA))
		Expect(addresses).To(BeEmpty())
	})

	It("reads what passes, over UDP and TCP", func() {
		packed, err := answer("cloud.example", "cloud.example. A 198.51.100.1").Pack()
		Expect(err).NotTo(HaveOccurred())
		name, addresses := names.Overheard("udp", packed)
		Expect(name).To(Equal("cloud.example"))
		Expect(addresses).To(HaveExactElements(one))

		segment := append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
		name, addresses = names.Overheard("tcp", segment)
		Expect(name).To(Equal("cloud.example"))
		Expect(addresses).To(HaveExactElements(one))
	})

	DescribeTable("takes nothing from what is no answer", func(protocol string, payload []byte) {
		_, addresses := names.Overheard(protocol, payload)
		Expect(addresses).To(BeEmpty())
	},
		Entry(nil, "udp", []byte{}),
		Entry(nil, "udp", []byte("GET / HTTP/1.1")),
		Entry(nil, "tcp", []byte{7}),
	)
})

func FuzzOverheard(f *testing.F) {
	packed, err := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("cloud.example.", dns.TypeHTTPS)).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("udp", packed)
	f.Add("tcp", append([]byte{0, byte(len(packed))}, packed...))
	f.Fuzz(func(t *testing.T, protocol string, payload []byte) {
		name, addresses := names.Overheard(protocol, payload)
		for _, address := range addresses {
			if !address.IsValid() || name == "" {
				t.Errorf("%q has the address %v", name, address)
			}
		}
	})
}
