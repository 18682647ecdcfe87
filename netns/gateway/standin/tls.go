package standin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"time"

	"golang.org/x/net/netutil"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/sockets"
)

const (
	tlsPort     = 443
	mostSecured = 64              // connections at a time; others wait
	longestMute = 5 * time.Second // of one connection
)

// serveTLS is a TLS server with a certificate that no device can know. It completes the
// handshake and says nothing. What the device says then is discarded.
func (s *Servers) serveTLS(ctx context.Context, at sockets.Config) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	at.Port = s.config.port(harness.ForeignTLS, tlsPort)
	listener, err := s.listen(ctx, at)
	if err != nil {
		return err
	}
	open := newConnections(netutil.LimitListener(listener, mostSecured))
	config := &tls.Config{
		MinVersion: tls.VersionTLS10, // old devices have no other
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return unknownCertificate(key, hello)
		},
	}
	s.serve(harness.ForeignTLS, open, func() error {
		return open.accept(func(connection net.Conn) {
			if connection.SetDeadline(time.Now().Add(longestMute)) != nil || !trusted(ctx, tls.Server(connection, config)) {
				return
			}
			s.answer(harness.TCP, sockets.AddrPort(connection.LocalAddr()))
			_, _ = io.Copy(io.Discard, connection) // until it ends; still encrypted
		})
	})
	return nil
}

// trusted reports whether a client completes the handshake and then sends something. Some
// clients check the certificate only after the handshake, and hang up.
func trusted(ctx context.Context, connection *tls.Conn) bool {
	if connection.HandshakeContext(ctx) != nil {
		return false
	}
	n, _ := connection.Read(make([]byte, 1)) // an error is a client that hung up
	return n > 0
}

// unknownCertificate is one for the name that is asked for, or for the address, signed by
// itself.
func unknownCertificate(key *ecdsa.PrivateKey, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		Subject: pkix.Name{CommonName: "needwant stand-in"},
	}
	if hello.ServerName != "" {
		template.DNSNames = []string{hello.ServerName}
	} else {
		template.IPAddresses = []net.IP{sockets.AddrPort(hello.Conn.LocalAddr()).Addr().AsSlice()}
	}
	text, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, nil
}
