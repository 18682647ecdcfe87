package hub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/sys/unix"
)

// hostName is the name in the hub's certificate. Agents expect it whatever the hub's address is.
const hostName = "needwant-hub"

// Directory is where a hub keeps everything:
//
//	hub.json         the hub's own key, and where it listens
//	certificate.pem  its certificate, and key.pem the private key
//	cluster.json     the NATS servers that it uses, if it has none of its own
//	agents/NAME      the public key of an agent
//	runs/*.run       the run files, AGENT.DEVICE.RUN.run
//	jetstream/       what the NATS server keeps
type Directory string

// The limits of what agents can make a hub keep.
const (
	mostAgents = 200
	mostRuns   = 10_000
)

// leastRoom is how many bytes must be free on the disk: for the longest record in the stream
// and in the run file, twice.
const leastRoom = 4 * mostRecord

func (d Directory) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// room reports as an error that the disk is nearly full.
func (d Directory) room() error {
	var disk unix.Statfs_t
	if err := unix.Statfs(string(d), &disk); err != nil {
		return fmt.Errorf("the directory of the hub: %w", err)
	}
	if disk.Bavail < leastRoom/uint64(disk.Bsize) {
		return fmt.Errorf("the disk of %s has less than %d MiB left: make room", d, leastRoom>>20)
	}
	return nil
}

// Runs is the directory with the run files.
func (d Directory) Runs() string { return d.path("runs") }

// prepare makes what is missing. It is safe to repeat.
func (d Directory) prepare() error {
	for _, directory := range []string{d.path("agents"), d.Runs()} {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return fmt.Errorf("the directory of the hub: %w: choose another one with --dir", err)
		}
	}
	if _, err := os.Lstat(d.path("hub.json")); errors.Is(err, fs.ErrNotExist) {
		seed, _, err := newKey()
		if err != nil {
			return err
		}
		if err := (credentials{Agent: hubName, Seed: seed}).write(d.path("hub.json")); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if _, err := os.Lstat(d.path("certificate.pem")); errors.Is(err, fs.ErrNotExist) {
		return d.certify()
	}
	return nil
}

// hubName is the hub's own name. [Directory.Add] lets no agent have it, since a connection of
// the hub's is not one of an agent.
const hubName = "hub"

// certify makes the hub's certificate. Agents accept this one and no other, so that nobody
// has to sign it, and it need not name an address.
func (d Directory) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	const years = 20
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: hostName}, DNSNames: []string{hostName},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(years, 0, 0), // the clock of a gateway may be wrong
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The certificate is written last: with it, the key is there.
	if err := os.Remove(d.path("key.pem")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(d.path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	return writeNew(d.path("certificate.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
}

// own is the hub's own key.
func (d Directory) own() (signer, error) {
	c, err := readCredentials(d.path("hub.json"))
	if err != nil {
		return signer{}, err
	}
	return newSigner(c.Seed)
}

// trust adds to credentials which servers are accepted.
func (d Directory) trust(c credentials) (credentials, error) {
	cluster, err := d.cluster()
	if err != nil {
		return c, err
	}
	if cluster.URL != "" {
		c.Cluster, c.Certificate = true, cluster.Certificates
		return c, nil
	}
	certificate, err := os.ReadFile(d.path("certificate.pem"))
	c.Certificate = string(certificate)
	return c, err
}

// login is how the hub itself proves who it is, also to its own server.
func (d Directory) login() ([]nats.Option, error) {
	c, err := readCredentials(d.path("hub.json"))
	if err != nil {
		return nil, err
	}
	if c, err = d.trust(c); err != nil {
		return nil, err
	}
	return c.login()
}

func (d Directory) keyPair() (tls.Certificate, error) {
	return tls.LoadX509KeyPair(d.path("certificate.pem"), d.path("key.pem"))
}

// Add lets an agent in: it writes a file with the agent's credentials, which must not
// exist, and keeps the public key. A hub under way notices that by itself.
func (d Directory) Add(agent, file string) error {
	if err := CheckName(agent); err != nil {
		return err
	}
	if agent == hubName {
		return fmt.Errorf("an agent cannot have the name %s: choose another one", hubName)
	}
	if err := d.prepare(); err != nil {
		return err
	}
	agents, err := d.agents()
	if err != nil {
		return err
	}
	if _, known := agents[agent]; known {
		return fmt.Errorf("there is an agent %s already: choose another name, or take its credentials away first: needwant hub remove %s --dir %s", agent, agent, d)
	}
	if len(agents) >= mostAgents {
		return fmt.Errorf("there are %d agents already, and at most %d are possible", len(agents), mostAgents)
	}
	own, err := d.own()
	if err != nil {
		return err
	}
	seed, public, err := newKey()
	if err != nil {
		return err
	}
	c, err := d.trust(credentials{Agent: agent, Seed: seed, Hub: own.public})
	if err != nil {
		return err
	}
	if err := c.write(file); err != nil {
		return fmt.Errorf("the credentials cannot be written: %w", err)
	}
	if err := writeNew(d.path("agents", agent), []byte(public+"\n")); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

// Remove takes an agent's credentials away. Its run files stay.
func (d Directory) Remove(agent string) error {
	err := CheckName(agent)
	if err == nil {
		err = os.Remove(d.path("agents", agent))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no agent %s in %s: needwant hub status lists all", agent, d)
	}
	return err
}

// agents are the public keys of the agents, by name.
func (d Directory) agents() (map[string]string, error) {
	entries, err := os.ReadDir(d.path("agents"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, entry := range entries {
		if CheckName(entry.Name()) != nil {
			continue
		}
		text, err := os.ReadFile(d.path("agents", entry.Name()))
		if err != nil {
			return nil, err
		}
		public := strings.TrimSpace(string(text))
		if !nkeys.IsValidPublicUserKey(public) {
			return nil, fmt.Errorf("%s has no key of an agent: remove it, and add the agent again", d.path("agents", entry.Name()))
		}
		found[entry.Name()] = public
	}
	return found, nil
}

// runs are the run files.
func (d Directory) runs() (paths []string, err error) {
	paths, err = filepath.Glob(d.path("runs", "*.run"))
	slices.Sort(paths)
	return paths, err
}

// lock keeps other hubs out of the directory until the file is closed.
func (d Directory) lock() (*os.File, error) {
	file, err := os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another hub uses %s: stop that one first, or choose another directory with --dir", d)
	}
	return file, nil
}
