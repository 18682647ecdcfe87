package scenarios

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// TCP connects to a port.
type TCP struct {
	Address string `yaml:"address" about:"Host and port, for example 192.168.50.10:6668."`
	TLS     TLS    `yaml:"tls,omitempty" about:"true or insecure: with a TLS handshake; the certificate is not verified, since devices have their own. pinned: only the certificate with this fingerprint; if no fingerprint is given, the first certificate that is seen in the run."`
	Send    string `yaml:"send,omitempty" about:"What to send after the connection is open."`
	Read    bool   `yaml:"read,omitempty" about:"true: wait for an answer, and read its first piece, 4 kB at most."`

	Fingerprint string `yaml:"fingerprint,omitempty" about:"Only with tls: pinned. The SHA-256 of the certificate, in quotes, as openssl x509 -fingerprint -sha256 prints it."`
}

// TCPResult is what an expectation on [TCP] may name.
type TCPResult struct {
	Text string  `expr:"text" about:"The answer. It is empty if read is not set."`
	RTT  float64 `expr:"rtt_ms" about:"Milliseconds until the connection was open. With tls, until the TLS handshake was done."`
}

func tcpKind() Kind {
	return Kind{
		Name:    "tcp",
		About:   "Connects to a port of the device, or of a server.",
		Fails:   "It is a failure if there is no connection, or if `read` is true and there is no answer. A name that cannot be looked up makes the check inconclusive.",
		Example: "{tcp: '192.168.50.10:6668', expect: 'rtt_ms < 500'}",
		Short:   "address",
		New:     func() Action { return new(TCP) },
		Result:  TCPResult{},
		Expect:  "true",
	}
}

func (t *TCP) check() *ArgumentError {
	if mistake := checkAddress("address", t.Address, "192.168.50.10:6668"); mistake != nil {
		return mistake
	}
	return checkTLS(t.TLS, t.Fingerprint)
}

// checkAddress refuses what is no host and port.
func checkAddress(argument, address, example string) *ArgumentError {
	host, port, err := net.SplitHostPort(address)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || !goodHost(host) {
		return wrong(argument, fmt.Sprintf("%q is not a host and port", address), "write it as "+example)
	}
	return nil
}

// goodHost reports whether a text is an address or may be a name.
func goodHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && len(host) <= 253 && !strings.ContainsAny(host, " \t\r\n/:@?#[]%\"'\\") && !strings.HasPrefix(host, "-")
}

func (t *TCP) prepare(e *Engine, _ time.Duration) (deed, error) {
	how := t.TLS
	if how == usualTLS {
		how = insecureTLS
	}
	host, _, _ := net.SplitHostPort(t.Address)
	config := trust(host, how, t.Fingerprint)
	return deed{
		kind:  tcpKind(),
		name:  "tcp " + t.Address,
		claim: connection("tcp", t.Address),
		run:   func(ctx context.Context) (sight, error) { return t.connect(ctx, e.Place, config) },
	}, nil
}

func (t *TCP) connect(ctx context.Context, place Place, config *tls.Config) (sight, error) {
	started := time.Now()
	conn, err := place.dial(ctx, "tcp", t.Address)
	if err != nil {
		return unreached(ctx, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if t.TLS != "" {
		secured := tls.Client(conn, config)
		err := secured.HandshakeContext(ctx)
		if other := untrusted(err); other != nil {
			return sight{}, other
		}
		if err != nil {
			return sight{failure: "no TLS: " + err.Error(), late: ctx.Err() != nil}, nil
		}
		conn = secured
	}
	result := TCPResult{RTT: milliseconds(time.Since(started))}
	if result.Text, err = t.talk(conn); err != nil {
		return sight{failure: "no answer: " + err.Error(), late: ctx.Err() != nil}, nil
	}
	return sight{result: result, saw: strings.TrimSpace(fmt.Sprintf("connected in %.0f ms %s", result.RTT, strconv.QuoteToGraphic(result.Text)))}, nil
}

// talk sends, and reads once where that is asked for.
func (t *TCP) talk(conn net.Conn) (string, error) {
	if _, err := io.WriteString(conn, t.Send); err != nil || !t.Read {
		return "", err
	}
	buffer := make([]byte, 4096)
	length, err := conn.Read(buffer)
	if length > 0 {
		return string(buffer[:length]), nil
	}
	return "", err
}

// unreached tells a name that nobody knows, which says nothing of the device,
// from a host that does not answer.
func unreached(ctx context.Context, err error) (sight, error) {
	late := ctx.Err() != nil
	if err := untrusted(err); err != nil {
		return sight{}, err
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return sight{late: late}, fmt.Errorf("looking up a name: %w", lookup)
	}
	if errors.Is(err, errNoResolver) {
		return sight{}, err
	}
	return sight{failure: "no connection: " + err.Error(), late: late || timedOut(err)}, nil
}

func timedOut(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}
