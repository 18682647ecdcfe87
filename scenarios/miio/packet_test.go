package miio_test

import (
	"encoding/hex"
	"encoding/json"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/miio"
)

const secret = "00112233445566778899aabbccddeeff"

// vectors are packets that an independent implementation has opened.
type vectors struct {
	Hello   string
	Vectors []struct {
		Name, Token, Plaintext, Packet string
		Stamp                          uint32
		DeviceID                       string `json:"device_id"`
	}
}

func readVectors() (v vectors) {
	GinkgoHelper()
	text, err := os.ReadFile("testdata/miio.json")
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(text, &v)).To(Succeed())
	Expect(v.Vectors).NotTo(BeEmpty())
	return v
}

func token(text string) miio.Token {
	GinkgoHelper()
	token, err := miio.ParseToken(text)
	Expect(err).NotTo(HaveOccurred())
	return token
}

func unhex(text string) []byte {
	GinkgoHelper()
	octets, err := hex.DecodeString(text)
	Expect(err).NotTo(HaveOccurred())
	return octets
}

var _ = Describe("a packet", func() {
	It("opens and seals to the same bytes as an independent implementation's", func() {
		for _, vector := range readVectors().Vectors {
			By(vector.Name)
			packet, err := miio.Parse(unhex(vector.Packet))
			Expect(err).NotTo(HaveOccurred())
			Expect(packet.Stamp).To(Equal(vector.Stamp))
			Expect(unhex(vector.DeviceID)).To(HaveExactElements(
				byte(packet.Device>>24), byte(packet.Device>>16), byte(packet.Device>>8), byte(packet.Device)))

			plaintext, err := packet.Open(token(vector.Token))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(plaintext)).To(Equal(vector.Plaintext))

			sealed, err := miio.Seal(token(vector.Token), packet.Device, packet.Stamp, plaintext)
			Expect(err).NotTo(HaveOccurred())
			Expect(hex.EncodeToString(sealed.Bytes())).To(Equal(vector.Packet))
		}
	})

	It("writes and reads the hello", func() {
		hello := readVectors().Hello
		Expect(hex.EncodeToString(miio.Hello().Bytes())).To(Equal(hello))
		packet, err := miio.Parse(unhex(hello))
		Expect(err).NotTo(HaveOccurred())
		Expect(packet.Hello).To(BeTrue())
	})

	It("answers a hello with id and stamp, and without the token", func() {
		datagram := miio.HelloReply(0x07fc0d9e, 1001).Bytes()
		Expect(hex.EncodeToString(datagram)).To(Equal("213100200000000007fc0d9e000003e9ffffffffffffffffffffffffffffffff"))
		packet, err := miio.Parse(datagram)
		Expect(err).NotTo(HaveOccurred())
		Expect(packet).To(HaveField("Hello", false))
		Expect(packet).To(HaveField("Device", uint32(0x07fc0d9e)))
		Expect(packet).To(HaveField("Stamp", uint32(1001)))
		Expect(packet.Body).To(BeEmpty())
	})

	It("does not open with another token", func() {
		packet, err := miio.Seal(token(secret), 1, 2, []byte("{}"))
		Expect(err).NotTo(HaveOccurred())
		_, err = packet.Open(token("ff112233445566778899aabbccddeeff"))
		Expect(err).To(MatchError(miio.ErrChecksum))
	})

	It("does not open when any one byte was changed", func() {
		packet, err := miio.Seal(token(secret), 1, 2, []byte(`{"id":1}`))
		Expect(err).NotTo(HaveOccurred())
		for at := range packet.Bytes() {
			datagram := packet.Bytes()
			datagram[at] ^= 0x10
			changed, err := miio.Parse(datagram)
			if err != nil {
				continue
			}
			if changed.Device == packet.Device && changed.Stamp == packet.Stamp && at < 8 {
				continue // the word that only a hello uses is not kept
			}
			_, err = changed.Open(token(secret))
			Expect(err).To(MatchError(miio.ErrChecksum), "byte %d", at)
		}
	})

	It("opens whatever the length of the message", func() {
		for length := range 50 {
			message := make([]byte, length)
			packet, err := miio.Seal(token(secret), 1, 2, message)
			Expect(err).NotTo(HaveOccurred())
			Expect(packet.Open(token(secret))).To(Equal(message))
		}
	})

	It("refuses a message that no datagram holds", func() {
		_, err := miio.Seal(token(secret), 1, 2, make([]byte, 65500))
		Expect(err).To(MatchError(ContainSubstring("do not fit")))
	})

	DescribeTable("is refused when", func(datagram, why string) {
		_, err := miio.Parse(unhex(datagram))
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("it is empty", "", "fewer than a header"),
		Entry("it is shorter than a header", "21310010000000000000000000000000", "fewer than a header"),
		Entry("it begins with something else", "213200200000000007fc0d9e000003e9ffffffffffffffffffffffffffffffff", "begins with"),
		Entry("it was cut off", "213100300000000007fc0d9e000003e9ffffffffffffffffffffffffffffffff", "claims 48 bytes and has 32"),
	)

	It("without a body does not open", func() {
		_, err := miio.HelloReply(1, 2).Open(token(secret))
		Expect(err).To(MatchError(ContainSubstring("no body")))
	})
})
