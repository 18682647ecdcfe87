package names_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/names"
)

// hello is what a TLS client of Go's begins with.
func hello(config *tls.Config) []byte {
	client, server := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = tls.Client(client, config).HandshakeContext(ctx) }()
	text := make([]byte, 16<<10)
	n, err := server.Read(text)
	cancel()
	_ = server.Close()
	if err != nil {
		panic(err) // a pipe
	}
	return text[:n]
}

var (
	named    = hello(&tls.Config{ServerName: "Cloud.Example", NextProtos: []string{"h2"}})
	nameless = hello(&tls.Config{InsecureSkipVerify: true}) // for its hello alone
)

// split breaks a hello's record into two, as the standard allows.
func split(text []byte, at int) []byte {
	record := func(part []byte) []byte {
		return append([]byte{22, 3, 1, byte(len(part) >> 8), byte(len(part))}, part...)
	}
	return append(record(text[5:at]), record(text[at:])...)
}

var _ = Describe("the server's name", func() {
	It("is read as soon as it can be", func() {
		for n := range named {
			name, enough := names.ServerName(named[:n])
			Expect(name).To(BeEmpty())
			Expect(enough).To(BeFalse(), "after %d bytes", n)
		}
		name, enough := names.ServerName(named)
		Expect(name).To(Equal("cloud.example"))
		Expect(enough).To(BeTrue())
	})

	It("is read across records", func() {
		name, _ := names.ServerName(split(named, 60))
		Expect(name).To(Equal("cloud.example"))
	})

	DescribeTable("is not there", func(stream []byte) {
		name, enough := names.ServerName(stream)
		Expect(name).To(BeEmpty())
		Expect(enough).To(BeTrue())
	},
		Entry("where the client names none", nameless),
		Entry("in other protocols", []byte("GET / HTTP/1.1\r\n")),
		Entry("in what a server says", []byte{22, 3, 3, 0, 5, 2, 0, 0, 1, 0}),
		Entry("in a hello that is none", []byte{22, 3, 3, 0, 5, 1, 0, 0, 1, 0}),
	)

	It("is not one with strange letters in it", func() {
		name, enough := names.ServerName(hello(&tls.Config{ServerName: "cloud\n.example"}))
		Expect(name).To(BeEmpty())
		Expect(enough).To(BeTrue())
	})
})

var _ = Describe("a stream's beginning", func() {
	stream := names.Stream{From: netip.MustParseAddrPort("192.0.2.1:1000"), To: netip.MustParseAddrPort("198.51.100.1:443")}

	DescribeTable("is put together", func(order ...int) {
		hellos := names.NewHellos()
		hellos.Begin(stream, ^uint32(0)-50) // the numbers wrap in the middle
		first := ^uint32(0) - 49
		segments := [][]byte{named[:100], named[100:200], named[200:]}
		starts := []uint32{first, first + 100, first + 200}
		for i, segment := range order {
			name := hellos.Add(stream, starts[segment], segments[segment])
			if i < len(order)-1 {
				Expect(name).To(BeEmpty())
				continue
			}
			Expect(name).To(Equal("cloud.example"))
		}
		Expect(hellos.Add(stream, starts[0], named)).To(BeEmpty(), "it was said")
	},
		Entry("in order", 0, 1, 2),
		Entry("in another order", 2, 0, 1),
		Entry("with what comes twice", 0, 0, 2, 2, 1),
	)

	It("says nothing where it was not seen, or is not TLS", func() {
		hellos := names.NewHellos()
		Expect(hellos.Add(stream, 1, named)).To(BeEmpty())
		hellos.Begin(stream, 0)
		Expect(hellos.Add(stream, 1, []byte("GET /"))).To(BeEmpty())
		Expect(hellos.Add(stream, 1, named)).To(BeEmpty(), "given up")
	})

	It("is not kept for ever", func() {
		hellos := names.NewHellos()
		for port := range uint16(5000) {
			hellos.Begin(names.Stream{From: netip.AddrPortFrom(stream.From.Addr(), port), To: stream.To}, 0)
			hellos.Add(names.Stream{From: netip.AddrPortFrom(stream.From.Addr(), port), To: stream.To}, 1, named[:50])
		}
		Expect(hellos.Waiting()).To(BeNumerically("<=", 1024))
	})

	It("is not kept if it is long: neither many bytes of one stream nor of all", func() {
		hellos := names.NewHellos()
		begun := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 60_000)...)
		begun[5], begun[6] = 1, 1 // a ClientHello of 64 KiB
		for port := range uint16(1000) {
			stream := names.Stream{From: netip.AddrPortFrom(stream.From.Addr(), port), To: stream.To}
			hellos.Begin(stream, 0)
			hellos.Add(stream, 1000, begun) // it waits for what comes before
			Expect(hellos.Size()).To(BeNumerically("<=", 4<<20+16<<10))
		}
		hellos.Begin(stream, 0)
		Expect(hellos.Add(stream, 1, named)).NotTo(BeEmpty(), "the next one is read")
	})
})

// smallest is a hello with nothing but a server's name, the same in every process.
func smallest(name string) []byte {
	list := append([]byte{0, 0, byte(len(name))}, name...)
	extension := append([]byte{0, 0, 0, byte(len(list) + 2), 0, byte(len(list))}, list...)
	body := append(make([]byte, 34), 0, 0, 2, 19, 1, 1, 0, 0, byte(len(extension)))
	body = append(body, extension...)
	message := append([]byte{1, 0, 0, byte(len(body))}, body...)
	return append([]byte{22, 3, 1, 0, byte(len(message))}, message...)
}

func FuzzServerName(f *testing.F) {
	text := smallest("cloud.example")
	if name, _ := names.ServerName(text); name != "cloud.example" {
		f.Fatalf("the seed has the name %q", name)
	}
	f.Add(text, 20)
	f.Add(text[:50], 0)
	f.Add(split(text, 60), 70)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		name, enough := names.ServerName(text)
		if name != "" && !enough {
			t.Errorf("%q is known and not enough", name)
		}
		if at <= 0 || at >= len(text) || len(text) > 1<<14 {
			return
		}
		hellos := names.NewHellos()
		stream := names.Stream{}
		hellos.Begin(stream, 0)
		early := hellos.Add(stream, uint32(at)+1, text[at:])
		late := hellos.Add(stream, 1, text[:at])
		if early != "" || late != name {
			t.Errorf("in two segments %q and %q, in one %q", early, late, name)
		}
	})
}
