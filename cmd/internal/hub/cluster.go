package hub

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is existing NATS servers, which a hub uses instead of the built-in one.
type Cluster struct {
	URL          string `json:"url"`                    // of one server, or of several, with commas between them
	Certificates string `json:"certificates,omitempty"` // of who signed those of the servers, PEM; "" for those that this machine trusts
}

// replicas is how many servers of a cluster keep each record.
const replicas = 3

// NewCluster checks the URLs of servers. File has the certificates of who signed
// theirs; "" for those that this machine trusts.
func NewCluster(url, file string) (c Cluster, err error) {
	c.URL = withScheme(url)
	for server := range strings.SplitSeq(c.URL, ",") {
		if !strings.HasPrefix(server, "tls://") || server == "tls://" {
			return c, fmt.Errorf("%q is not the address of a NATS server with TLS, e.g. tls://nats1.lan:4222", server)
		}
	}
	if file == "" {
		return c, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return c, fmt.Errorf("the certificates of the NATS servers: %w", err)
	}
	if len(text) > mostCredentials/2 || !x509.NewCertPool().AppendCertsFromPEM(text) {
		return c, fmt.Errorf("%s has no certificates in PEM, or too many", file)
	}
	c.Certificates = string(text)
	return c, nil
}

// withScheme adds tls:// to addresses that have no scheme.
func withScheme(url string) string {
	var all []string
	for server := range strings.SplitSeq(url, ",") {
		if server = strings.TrimSpace(server); !strings.Contains(server, "://") {
			server = "tls://" + server
		}
		all = append(all, server)
	}
	return strings.Join(all, ",")
}

// UseCluster has the hub of this directory use existing NATS servers from now on. It must not run.
func (d Directory) UseCluster(c Cluster) error {
	if err := d.prepare(); err != nil {
		return err
	}
	if known, err := d.cluster(); err == nil && known == c {
		return nil
	}
	lock, err := d.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path := d.path("cluster.json")
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fresh, append(text, '\n')); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// cluster is the NATS servers that the hub uses; without a URL if it uses the built-in one.
func (d Directory) cluster() (c Cluster, err error) {
	text, err := os.ReadFile(d.path("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if json.Unmarshal(text, &c) != nil || c.URL == "" {
		return c, fmt.Errorf("%s does not name NATS servers: remove it, and give them again with --nats", d.path("cluster.json"))
	}
	return c, nil
}

// Servers are the URLs of the NATS servers that the hub uses; "" if it uses the built-in one.
func (d Directory) Servers() (string, error) {
	c, err := d.cluster()
	return c.URL, err
}

// WriteUsers writes what the servers' configuration needs to have in an account with JetStream: the
// hub and the agents, and what they may do.
func (d Directory) WriteUsers(out io.Writer) error {
	servers, err := d.Servers()
	if err != nil {
		return err
	}
	if servers == "" {
		return fmt.Errorf("%s has no hub that uses existing NATS servers: give its directory with --dir, or the addresses of the servers with --nats", d)
	}
	own, err := d.own()
	if err != nil {
		return err
	}
	agents, err := d.agents()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, usersHead, mostRecord, own.public)
	for _, name := range slices.Sorted(maps.Keys(agents)) {
		may := permissions(name)
		fmt.Fprintf(out, "  {nkey: %s, permissions: {publish: {allow: %s}, subscribe: {allow: %s}}} # %s\n", agents[name], list(may.Publish), list(may.Subscribe), name)
	}
	_, err = fmt.Fprintln(out, "]")
	return err
}

const usersHead = `# The users of needwant's hub and agents. In the configuration of each server:
#
#   max_payload: %d
#   accounts {
#     NEEDWANT {
#       jetstream: enabled
#       include needwant-users.conf
#     }
#   }
users: [
  {nkey: %s} # the hub
`

// list is subjects as the servers' configuration has them.
func list(subjects *server.SubjectPermission) string {
	var quoted []string
	for _, subject := range subjects.Allow {
		quoted = append(quoted, strconv.Quote(subject))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// replicated has something made with as many replicas as the servers can keep.
func replicated(clustered bool, create func(replicas int) error) error {
	if !clustered {
		return create(1)
	}
	err := create(replicas)
	const single jetstream.ErrorCode = 10074 // JSStreamReplicasNotSupportedErr: the server is not in a cluster
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == single {
		return create(1)
	}
	return err
}
