package scenarios

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"

	"github.com/needwant/needwant/internal/yamlfile"
)

// TLS says whether to use TLS, and which certificate a server may show: "" for no
// TLS or the usual rule, or one of the constants. Devices make their own
// certificates, which no machine trusts.
type TLS string

// The values of TLS in a spec; true may be written as a boolean.
const (
	usualTLS    TLS = "true"     // the usual rule of the step
	insecureTLS TLS = "insecure" // any certificate
	pinnedTLS   TLS = "pinned"   // the certificate of the fingerprint, or else the first that is seen
)

// UnmarshalYAML reads true, false, or a word.
func (t *TLS) UnmarshalYAML(node ast.Node) error {
	if *t = TLS(node.GetToken().Value); *t == "false" {
		*t = ""
	}
	return nil
}

// tlsShape refuses what is neither a boolean nor a known word.
func tlsShape(d *yamlfile.Document, node ast.Node, what string) error {
	words := []string{string(usualTLS), string(insecureTLS), string(pinnedTLS)}
	return d.Scalar(node, what, strings.Join(words, ", "), func(_ ast.Node, text string) bool {
		return text == "false" || slices.Contains(words, text)
	})
}

// checkTLS refuses a fingerprint that is none, or that nothing compares.
func checkTLS(how TLS, fingerprint string) *ArgumentError {
	if fingerprint == "" {
		return nil
	}
	if how != pinnedTLS {
		return wrong("fingerprint", "nothing is compared with the fingerprint", "write tls: pinned beside it")
	}
	if _, err := parseFingerprint(fingerprint); err != nil {
		return wrong("fingerprint", fmt.Sprintf("%q is not the fingerprint of a certificate", fingerprint), "write its SHA-256 as 64 hexadecimal digits, in quotes, e.g. as openssl x509 -fingerprint -sha256 prints it")
	}
	return nil
}

// parseFingerprint reads the SHA-256 of a certificate, with or without colons.
func parseFingerprint(text string) (sum [sha256.Size]byte, err error) {
	text = strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(text), "sha256:"), ":", "")
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(sum) {
		err = errors.New("wrong length")
	}
	copy(sum[:], raw)
	return sum, err
}

// certificateError tells that a server showed another certificate than the pinned
// one. That says nothing of the device.
type certificateError struct{ found, pinned string }

func (e *certificateError) Error() string {
	return fmt.Sprintf("the server's certificate has the fingerprint %s, and not %s: if that is the device's, write the new one", e.found, e.pinned)
}

// trust makes the configuration of a client of one server. An empty way verifies
// the certificate as usual.
func trust(host string, how TLS, fingerprint string) *tls.Config {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	switch how {
	case insecureTLS:
		config.InsecureSkipVerify = true
	case pinnedTLS:
		pin := &pin{}
		if sum, err := parseFingerprint(fingerprint); err == nil && fingerprint != "" {
			pin.sum, pin.known = sum, true
		}
		config.InsecureSkipVerify = true // the pin says more
		config.VerifyConnection = pin.verify
	}
	return config
}

// pin is the one certificate that a server may show. Without a fingerprint it is
// the first that is seen.
type pin struct {
	mutex sync.Mutex
	sum   [sha256.Size]byte
	known bool
}

func (p *pin) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	found := sha256.Sum256(state.PeerCertificates[0].Raw)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.known {
		p.sum, p.known = found, true
	}
	if found != p.sum {
		return &certificateError{printed(found), printed(p.sum)}
	}
	return nil
}

// printed is a fingerprint as openssl prints it.
func printed(sum [sha256.Size]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// untrusted makes an error about a certificate into one that says what to do; nil
// if it is about something else. A certificate says nothing of what the device
// needs.
func untrusted(err error) error {
	if other, ok := errors.AsType[*certificateError](err); ok {
		return other
	}
	if unknown, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("this machine does not trust the server's certificate: %w: if it is the device's own, write tls: pinned, or tls: insecure", unknown.Err)
	}
	return nil
}
