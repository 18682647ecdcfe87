package miio_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/needwant/needwant/scenarios/miio"
)

// FuzzParse feeds datagrams of anybody on the network to a device or a client.
func FuzzParse(f *testing.F) {
	f.Add(miio.Hello().Bytes())
	f.Add(miio.HelloReply(1, 2).Bytes())
	token, err := miio.ParseToken("00112233445566778899aabbccddeeff")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		packet, err := miio.Parse(datagram)
		if err != nil {
			return
		}
		again, err := miio.Parse(packet.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), packet.Bytes()) {
			t.Fatalf("%x was read, but what was written from it is %x: %v", datagram, packet.Bytes(), err)
		}
		plaintext, err := packet.Open(token)
		if err != nil {
			return
		}
		sealed, err := miio.Seal(token, packet.Device, packet.Stamp, plaintext)
		if err != nil || !bytes.Equal(sealed.Body, packet.Body) {
			t.Fatalf("%x opens, but seals to %x: %v", packet.Body, sealed.Body, err)
		}
	})
}

// FuzzMend feeds anything that a device with the right token might write.
func FuzzMend(f *testing.F) {
	f.Fuzz(func(t *testing.T, message []byte) {
		mended, err := miio.Mend(message)
		if err != nil {
			return
		}
		if !json.Valid(mended) {
			t.Fatalf("%q was mended to %q, which is not JSON", message, mended)
		}
		if json.Valid(message) && !bytes.Equal(message, mended) {
			t.Fatalf("%q was JSON and was changed to %q", message, mended)
		}
		_, _ = miio.ReadRequest(message)
		_, _ = miio.ReadResponse(message)
	})
}
