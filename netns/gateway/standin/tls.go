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
	"sync"
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
// handshake and says nothing. What the device says then is not read.
func (s *Servers) serveTLS(ctx context.Context, at sockets.Config) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	at.Port = tlsPort
	listener, err := sockets.Listen(ctx, s.config.Namespace, at)
	if err != nil {
		return err
	}
	secured := &secured{Listener: netutil.LimitListener(listener, mostSecured), open: map[net.Conn]bool{}}
	config := &tls.Config{
		MinVersion: tls.VersionTLS10, // old devices have no other
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return unknownCertificate(key, hello)
		},
	}
	s.serve(harness.ForeignTLS, secured, func() error {
		return secured.accept(func(connection net.Conn) {
			if connection.SetDeadline(time.Now().Add(longestMute)) != nil || tls.Server(connection, config).HandshakeContext(ctx) != nil {
				return
			}
			s.Answer(harness.TCP, sockets.AddrPort(connection.LocalAddr()))
			_, _ = io.Copy(io.Discard, connection) // until it ends; still encrypted
		})
	})
	return nil
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

// secured is a listener that closes its connections with it.
type secured struct {
	net.Listener

	mutex  sync.Mutex
	open   map[net.Conn]bool
	closed bool
	work   sync.WaitGroup
}

// accept hands over each connection, in a goroutine of its own, until Close.
func (s *secured) accept(take func(net.Conn)) error {
	for {
		connection, err := s.Accept()
		if err != nil {
			return err
		}
		s.mutex.Lock()
		closed := s.closed
		s.open[connection] = !closed
		s.mutex.Unlock()
		if closed {
			_ = connection.Close()
			continue
		}
		s.work.Go(func() {
			take(connection)
			_ = connection.Close() // nothing is lost
			s.mutex.Lock()
			defer s.mutex.Unlock()
			delete(s.open, connection)
		})
	}
}

func (s *secured) Close() error {
	err := s.Listener.Close()
	s.mutex.Lock()
	s.closed = true
	for connection := range s.open {
		_ = connection.Close()
	}
	s.mutex.Unlock()
	s.work.Wait()
	return err
}
