package page

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

// Options are the choices of a page.
type Options struct {
	Address     string // "HOST:PORT", HOST, or ":PORT"; "" is a free port of loopback
	View        bool   // whether there is a second link, which only shows
	Certificate string // file with a certificate in PEM; "" serves without TLS
	Key         string // file with its private key
}

// Server serves a page, and others below it: [Server.Below].
type Server struct {
	*Board
	below    atomic.Pointer[func(name string) *Board]
	listener net.Listener
	secure   bool   // TLS
	open     bool   // anybody may look and act: loopback
	control  secret // for people who may act
	view     secret // for people who may only look; empty if there is no such link
	sender   *limiter
	wrong    *limiter // tokens that were wrong
	viewers  chan struct{}
	ending   chan struct{} // closed when the page is about to end
	left     sync.Once
}

// secret is a token and the cookie that it is exchanged for.
type secret struct{ token, cookie string }

func newSecret() secret { return secret{rand.Text(), rand.Text()} }

// The limits of what browsers, or others, can cost.
const (
	mostConnections = 128
	mostOfSender    = 24       // connections, unless only this machine can connect
	mostViewers     = 64       // that wait for news
	mostHeader      = 16 << 10 // bytes
	mostBody        = 4 << 10  // bytes of a form
	longestRequest  = 10 * time.Second
	longestFarewell = 3 * time.Second // in which viewers fetch the page as it is in the end
)

// Listen opens the address that a page is served on. The error says what is wrong with
// the options.
func Listen(options Options) (*Server, error) {
	address, err := addressOf(options.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{Board: NewBoard(), viewers: make(chan struct{}, mostViewers), ending: make(chan struct{}), control: newSecret(), sender: newLimiter(50, 200), wrong: newLimiter(0.1, 10)}
	if options.View {
		s.view = newSecret()
	}
	var keys *tls.Config
	if options.Certificate+options.Key != "" {
		pair, err := tls.LoadX509KeyPair(options.Certificate, options.Key)
		if err != nil {
			return nil, fmt.Errorf("the certificate of the page: %w: give --web-cert and --web-key, both in PEM", err)
		}
		s.secure, keys = true, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the page cannot be served: %w: choose another address or port with --web=ADDRESS:PORT", err)
	}
	s.open = listener.Addr().(*net.TCPAddr).IP.IsLoopback() && !options.View
	if !s.open {
		listener = newFewEach(listener)
	}
	s.listener = netutil.LimitListener(listener, mostConnections)
	if keys != nil {
		s.listener = tls.NewListener(s.listener, keys)
	}
	return s, nil
}

// addressOf completes what a user gave.
func addressOf(given string) (string, error) {
	if given == "" {
		return "127.0.0.1:0", nil
	}
	host, port, err := net.SplitHostPort(given)
	if err != nil { // no port
		host, port = given, "0"
	}
	if _, err := netip.ParseAddr(host); host != "" && host != "localhost" && err != nil {
		return "", fmt.Errorf("--web=%s: %q is not an address of this machine: give ADDRESS:PORT, for example 192.168.1.5:8080, or :8080 for every address", given, host)
	}
	return net.JoinHostPort(host, port), nil
}

// Below has the server answer for the pages run/NAME/ as well. Find returns one; nil if
// there is none. Several requests call it at a time.
func (s *Server) Below(find func(name string) *Board) { s.below.Store(&find) }

// board is the page that a request is for; nil if there is none.
func (s *Server) board(r *http.Request) *Board {
	name := r.PathValue("run")
	if name == "" {
		return s.Board
	}
	if find := s.below.Load(); find != nil {
		return (*find)(name)
	}
	return nil
}

// Serve answers browsers until ctx ends, and a moment longer: those that wait for news are
// told, and fetch the page as it is in the end.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: longestRequest,
		ReadTimeout:       longestRequest,
		WriteTimeout:      longestRequest,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    mostHeader,
	}
	stop := context.AfterFunc(ctx, func() {
		s.left.Do(s.leave)
		_ = server.Close()
	})
	defer stop()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the page: %w", err)
	}
	return nil
}

// leave tells viewers that the page is about to end, and waits until none is left, but not
// for long.
func (s *Server) leave() {
	close(s.ending)
	late := time.After(longestFarewell)
	for range mostViewers { // once all places are taken, nobody has one
		select {
		case s.viewers <- struct{}{}:
		case <-late:
			return
		}
	}
}
