package standin_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns/gateway/standin"
)

var _ = Describe("the time server", func() {
	now := time.Date(2026, 11, 27, 12, 0, 0, 500_000_000, time.UTC)
	request := func(version, mode byte, more int) []byte {
		text := append(make([]byte, 48), make([]byte, more)...)
		text[0] = version<<3 | mode
		copy(text[40:], "origin!!")
		return text
	}

	DescribeTable("answers requests alone, and with no more bytes than they have",
		func(text []byte, mode int) {
			reply, ok := standin.TimeReply(text, now)
			Expect(ok).To(Equal(mode > 0))
			if !ok {
				return
			}
			Expect(reply).To(HaveLen(48))
			Expect(reply[0]).To(Equal(text[0]&0x38|byte(mode)), "of the version that was asked, and no warning of a leap second")
			Expect(string(reply[24:32])).To(Equal("origin!!"))
			var read layers.NTP
			Expect(read.DecodeFromBytes(reply, gopacket.NilDecodeFeedback)).To(Succeed())
			Expect(uint64(read.TransmitTimestamp)).To(Equal(uint64(0xeeb3ef40_80000000)), "2026-11-27 12:00:00.5, since 1900")
			Expect(read.TransmitTimestamp-read.ReferenceTimestamp).To(BeNumerically("<", layers.NTPTimestamp(60<<32)), "its clock was set a moment ago")
		},
		Entry("a client of version 4", request(4, 3, 0), 4),
		Entry("a client of version 3", request(3, 3, 0), 4),
		Entry("a client of version 1", request(1, 3, 0), 4),
		Entry("a client with extensions", request(4, 3, 68), 4),
		Entry("a peer", request(4, 1, 0), 2),
		Entry("a server", request(4, 4, 0), 0),
		Entry("a peer that answers", request(4, 2, 0), 0),
		Entry("a broadcast", request(4, 5, 0), 0),
		Entry("a control message", request(4, 6, 0), 0),
		Entry("an unknown version", request(5, 3, 0), 0),
		Entry("version 0", request(0, 3, 0), 0),
		Entry("half a request", request(4, 3, 0)[:47], 0),
		Entry("nothing", []byte{}, 0),
	)
})

var _ = Describe("the pages for connectivity checks", func() {
	DescribeTable("are what each check expects",
		func(method, url string, status int, text string) {
			recorder := httptest.NewRecorder()
			check := standin.AnswerPage(recorder, httptest.NewRequest(method, url, strings.NewReader("")))
			Expect(recorder.Code).To(Equal(status))
			Expect(strings.TrimSpace(recorder.Body.String())).To(ContainSubstring(text))
			Expect(check).To(Equal(status < 400))
		},
		Entry("Android", http.MethodGet, "http://connectivitycheck.gstatic.com/generate_204", 204, ""),
		Entry("Chrome", http.MethodGet, "http://www.google.com/gen_204", 204, ""),
		Entry("Apple", http.MethodGet, "http://captive.apple.com/hotspot-detect.html", 200, "<BODY>Success</BODY>"),
		Entry("Windows", http.MethodGet, "http://www.msftconnecttest.com/connecttest.txt", 200, "Microsoft Connect Test"),
		Entry("older Windows", http.MethodGet, "http://www.msftncsi.com/ncsi.txt", 200, "Microsoft NCSI"),
		Entry("Firefox", http.MethodGet, "http://detectportal.firefox.com/success.txt?ipv4", 200, "success"),
		Entry("GNOME", http.MethodGet, "http://nmcheck.gnome.org/check_network_status.txt", 200, "NetworkManager is online"),
		Entry("Debian", http.MethodGet, "http://network-test.debian.org/nm", 200, "NetworkManager is online"),
		Entry("Ubuntu", http.MethodHead, "http://connectivity-check.ubuntu.com/", 200, ""),
		Entry("one that is not known", http.MethodGet, "http://vendor.example/ping", 200, ""),
		Entry("what wants to send something", http.MethodPost, "http://vendor.example/telemetry", 405, ""),
	)

	It("say to Ubuntu that it is online", func() {
		recorder := httptest.NewRecorder()
		standin.AnswerPage(recorder, httptest.NewRequest(http.MethodHead, "http://connectivity-check.ubuntu.com/", nil))
		Expect(recorder.Header().Get("X-NetworkManager-Status")).To(Equal("online"))
	})
})

var _ = Describe("the TLS server", func() {
	hangsUp := func(client *tls.Conn) error { return client.Close() }
	speaks := func(client *tls.Conn) error {
		_, err := client.Write([]byte("GET"))
		return errors.Join(err, client.Close())
	}
	DescribeTable("is trusted by a client that completes the handshake and then sends something",
		func(ctx SpecContext, version uint16, verifies bool, then func(*tls.Conn) error, want bool) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			Expect(err).NotTo(HaveOccurred())
			defer listener.Close()
			theirs, err := net.Dial("tcp", listener.Addr().String())
			Expect(err).NotTo(HaveOccurred())
			ours, err := listener.Accept()
			Expect(err).NotTo(HaveOccurred())
			defer ours.Close()
			done := make(chan error, 1)
			go func() {
				defer theirs.Close()
				client := tls.Client(theirs, &tls.Config{ServerName: "api.example", MaxVersion: version, InsecureSkipVerify: !verifies}) //nolint:gosec // that is the finding
				if err := client.HandshakeContext(ctx); err != nil {
					done <- nil
					return
				}
				done <- then(client)
			}()
			Expect(ours.SetDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
			trusted, err := standin.Trusted(ctx, ours)
			Expect(err).NotTo(HaveOccurred())
			Expect(trusted).To(Equal(want))
			Expect(<-done).To(Succeed())
		},
		Entry("one that speaks", SpecTimeout(20*time.Second), uint16(tls.VersionTLS13), false, speaks, true),
		Entry("an older one that speaks", SpecTimeout(20*time.Second), uint16(tls.VersionTLS12), false, speaks, true),
		Entry("not one that checks the certificate after the handshake", SpecTimeout(20*time.Second), uint16(tls.VersionTLS13), false, hangsUp, false),
		Entry("nor an older one that does", SpecTimeout(20*time.Second), uint16(tls.VersionTLS12), false, hangsUp, false),
		Entry("nor one that checks it during the handshake", SpecTimeout(20*time.Second), uint16(tls.VersionTLS13), true, speaks, false),
	)
})

var _ = Describe("the reply to a ping", func() {
	It("is for echo requests alone, with all that they carry", func() {
		carried := bytes.Repeat([]byte("x"), 1200)
		request := append([]byte{8, 0, 0, 0, 0, 7, 0, 1}, carried...)
		reply, ok := standin.EchoReply(request)
		Expect(ok).To(BeTrue())
		Expect(reply[0]).To(BeZero())
		Expect(reply[4:]).To(Equal(request[4:]))
		for _, other := range [][]byte{{0, 0, 0, 0, 0, 7, 0, 1}, {13, 0, 0, 0, 0, 7, 0, 1}, {8, 1, 0, 0, 0, 7, 0, 1}, {8}, {}} {
			_, ok := standin.EchoReply(other)
			Expect(ok).To(BeFalse(), "%v", other)
		}
	})

	DescribeTable("a packet to the miIO cloud", func(text []byte, want ...byte) {
		reply, ok := standin.MiIOReply(text, time.Unix(0x65000000, 0))
		Expect(ok).To(Equal(len(want) > 0))
		if ok {
			Expect(reply).To(HaveLen(32))
			Expect(reply[:16]).To(Equal(want))
		}
	},
		Entry("a keep-alive is echoed", packet(0x21, 0x31, 0, 32, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9), byte(0x21), byte(0x31), byte(0), byte(32), byte(0), byte(0), byte(0), byte(0), byte(1), byte(2), byte(3), byte(4), byte(0), byte(0), byte(0), byte(9)),
		Entry("one without a stamp asks for the time", packet(0x21, 0x31, 0, 32, 0, 0, 0, 0, 1, 2, 3, 4), byte(0x21), byte(0x31), byte(0), byte(32), byte(0), byte(0), byte(0), byte(0), byte(1), byte(2), byte(3), byte(4), byte(0x65), byte(0), byte(0), byte(0)),
		Entry("so does a hello", packet(0x21, 0x31, 0, 32, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255), byte(0x21), byte(0x31), byte(0), byte(32), byte(0), byte(0), byte(0), byte(0), byte(255), byte(255), byte(255), byte(255), byte(0x65), byte(0), byte(0), byte(0)),
		Entry("nothing that is encrypted is answered", append(packet(0x21, 0x31, 0, 48), make([]byte, 16)...)),
		Entry("nor what gives another length", packet(0x21, 0x31, 0, 31)),
		Entry("nor what is of another protocol", packet(0x16, 3, 0, 32)),
		Entry("nor what is cut off", packet(0x21, 0x31, 0, 32)[:31]),
		Entry("nor what is empty", []byte{}),
	)
})

// packet is 32 bytes that begin so.
func packet(begins ...byte) []byte { return append(begins, make([]byte, 32-len(begins))...) }
