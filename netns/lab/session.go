package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// session is a stream to a destination that stays open. On port 443 it is TLS,
// with the certificate verified. Each contact says a line and waits for its
// echo; a contact that fails closes the stream, and the next opens a new one.
// The line has the device's state, as devices tell their clouds.
//
// The other side may say "command N" at any time, and the device answers
// "ack N" if it obeys. See [cloud].
type session struct {
	life        *life
	destination Destination

	connection net.Conn // nil while there is none
	address    netip.Addr
	lines      <-chan string // what the other side said, commands left out; closed at the end
	said       int
}

// greeting begins what the device says on a stream.
const greeting = "needwant "

func (s *session) try(ctx context.Context) error {
	err := s.contact(ctx)
	if err != nil {
		s.close()
	}
	return err
}

func (s *session) contact(ctx context.Context) error {
	addresses, err := s.life.addresses(ctx, s.destination)
	if err != nil {
		return err
	}
	if s.connection != nil && !slices.Contains(addresses, s.address) {
		s.close()
	}
	if s.connection == nil {
		if err := eachAddress(ctx, addresses, s.connect); err != nil {
			return err
		}
	}
	return s.speak(ctx)
}

func (s *session) connect(ctx context.Context, address netip.Addr) error {
	raw, err := s.life.contactBy(ctx, s.destination, address)
	if err != nil {
		return err
	}
	abandonOnClose(raw)
	connection := raw
	if s.destination.Port == 443 {
		secured := tls.Client(raw, s.tls(address))
		if err := secured.HandshakeContext(ctx); err != nil {
			return errors.Join(err, raw.Close())
		}
		connection = secured
	}
	lines := make(chan string, 1)
	s.connection, s.address, s.lines = connection, address, lines
	s.life.work.Go(func() { s.life.listen(connection, lines) })
	return nil
}

func (s *session) tls(address netip.Addr) *tls.Config {
	name := s.destination.Host
	if name == "" {
		name = address.String()
	}
	return &tls.Config{RootCAs: s.life.trusted, ServerName: name, MinVersion: tls.VersionTLS12}
}

// speak says a line that was never said before and waits for its echo.
func (s *session) speak(ctx context.Context) error {
	defer until(ctx, s.connection)()
	s.said++
	line := fmt.Sprintf("%s%d %s", greeting, s.said, s.life.status(nil))
	if _, err := s.connection.Write([]byte(line + "\n")); err != nil {
		return err
	}
	for {
		select {
		case heard, open := <-s.lines:
			if !open {
				return errors.New("the other side closed the stream")
			}
			if heard == line {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) close() {
	if s.connection == nil {
		return
	}
	_ = s.connection.Close()
	for range s.lines { // until the listener has seen it
	}
	s.connection = nil
}

// listen reads what the other side says until the stream ends. Commands are
// carried out, everything else goes to lines.
func (l *life) listen(connection net.Conn, lines chan<- string) {
	defer close(lines)
	scanner := bufio.NewScanner(connection)
	for scanner.Scan() {
		number, isCommand := strings.CutPrefix(scanner.Text(), "command ")
		if !isCommand {
			lines <- scanner.Text()
			continue
		}
		l.work.Go(func() {
			if l.obeys() {
				_, _ = connection.Write([]byte("ack " + number + "\n"))
			}
		})
	}
}

// abandonOnClose lets a stream end with a reset. A blocked one would otherwise
// go on sending its farewell long after the device gave it up.
func abandonOnClose(connection net.Conn) {
	if stream, ok := connection.(*net.TCPConn); ok {
		_ = stream.SetLinger(0)
	}
}
