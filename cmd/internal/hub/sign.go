package hub

import (
	"encoding/base64"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Every message is signed by who made it. What a subject may be used for is checked by
// the server, too, but a server sends answers to whatever subject a request names: an agent
// could have it send a stored message to a subject of another agent.

// signer signs messages with an NKey.
type signer struct {
	key    nkeys.KeyPair
	public string
}

func newSigner(seed string) (signer, error) {
	key, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return signer{}, err
	}
	public, err := key.PublicKey()
	return signer{key, public}, err
}

// signed is the text of a message that is signed: its subject, its headers and its content, or for a
// record the checksum, which covers the content.
func signed(message *nats.Msg) []byte {
	parts := []string{message.Subject}
	if checksum := message.Header.Get(checksumHeader); checksum != "" {
		parts = append(parts, message.Header.Get(numberHeader), message.Header.Get(kindHeader), checksum)
	} else {
		parts = append(parts, string(message.Data))
	}
	return []byte(strings.Join(parts, "\n"))
}

// sign adds the signature to a message.
func (s signer) sign(message *nats.Msg) error {
	signature, err := s.key.Sign(signed(message))
	if err != nil {
		return err
	}
	if message.Header == nil {
		message.Header = nats.Header{}
	}
	message.Header.Set(signatureHeader, base64.StdEncoding.EncodeToString(signature))
	return nil
}

// isFrom reports whether the holder of a public key signed a message.
func isFrom(public string, message *nats.Msg) bool {
	key, err := nkeys.FromPublicKey(public)
	if err != nil {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(message.Header.Get(signatureHeader))
	return err == nil && key.Verify(signed(message), signature) == nil
}
