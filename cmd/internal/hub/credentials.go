package hub

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// credentials are what an agent needs to be let in.
type credentials struct {
	Agent       string `json:"agent"`
	Seed        string `json:"seed"`                  // of its NKey
	Hub         string `json:"hub,omitempty"`         // the hub's public NKey
	Certificate string `json:"certificate,omitempty"` // the only one of the hub that is accepted, PEM
	Cluster     bool   `json:"cluster,omitempty"`     // the servers are not the hub's: the certificate is that of who signed theirs
}

// mostCredentials is how many bytes a file of credentials has.
const mostCredentials = 64 << 10

// readCredentials reads a file that [Directory.Add] wrote.
func readCredentials(path string) (c credentials, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("the credentials cannot be read: %w: needwant hub add AGENT writes them, on the hub", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("other users of this machine can read the credentials: chmod 600 %s", path)
	}
	if !info.Mode().IsRegular() || info.Size() > mostCredentials {
		return c, notCredentials(path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("the credentials cannot be read: %w", err)
	}
	if json.Unmarshal(text, &c) != nil || CheckName(c.Agent) != nil || c.Seed == "" {
		return credentials{}, notCredentials(path)
	}
	if c.Hub == "" { // the hub's own, whose servers are named elsewhere
		return c, nil
	}
	if _, err := c.login(); err != nil {
		return credentials{}, notCredentials(path)
	}
	return c, nil
}

func notCredentials(path string) error {
	return fmt.Errorf("%s has no credentials of an agent: give the file that needwant hub add AGENT wrote", path)
}

// login is how a connection proves who it is.
func (c credentials) login() ([]nats.Option, error) {
	key, err := nkeys.FromSeed([]byte(c.Seed))
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	options := []nats.Option{nats.Nkey(public, key.Sign), nats.Name("needwant " + c.Agent), nats.CustomInboxPrefix(inboxSubjects + "." + c.Agent)}
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if !c.Cluster {
		secure.ServerName, secure.MinVersion = hostName, tls.VersionTLS13
	}
	if c.Certificate != "" || !c.Cluster {
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM([]byte(c.Certificate)) {
			return nil, errors.New("no certificate")
		}
	}
	return append(options, nats.Secure(secure)), nil
}

// write writes the credentials to a new file that only this user can read.
func (c credentials) write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeNew(path, append(text, '\n'))
}

// writeNew writes a file that must not exist, and that only this user can read.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// newKey returns the seed of a new NKey of a user, and its public key.
func newKey() (seed, public string, err error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return "", "", err
	}
	secret, err := key.Seed()
	if err != nil {
		return "", "", err
	}
	public, err = key.PublicKey()
	return strings.TrimSpace(string(secret)), public, err
}
