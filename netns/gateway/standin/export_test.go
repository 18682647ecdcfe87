package standin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Trusted reports whether a client trusts the TLS server at the other end of a connection.
func Trusted(ctx context.Context, connection net.Conn) (bool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return false, err
	}
	return trusted(ctx, tls.Server(connection, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return unknownCertificate(key, hello) },
	})), nil
}

// TimeReply answers a request for the time.
func TimeReply(text []byte, now time.Time) ([]byte, bool) { return timeReply(text, now) }

// MiIOReply answers a packet to the miIO cloud.
func MiIOReply(text []byte, now time.Time) ([]byte, bool) { return miioReply(text, now) }

// EchoReply answers an ICMP message over IPv4.
func EchoReply(text []byte) ([]byte, bool) {
	reply, _, ok := echoReply(text, true)
	return reply, ok
}

// AnswerPage answers a connectivity check.
func AnswerPage(w http.ResponseWriter, request *http.Request) bool {
	return answerPage(w, request, pages())
}
