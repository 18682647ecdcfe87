package hub

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// The limits of the server.
const (
	mostConnections = 2*mostAgents + 50
	mostRecord      = 17 << 20 // bytes of a message: a record of a run file has at most 16 MiB
	mostStored      = 1 << 30  // bytes of the stream; agents keep what does not fit
	mostKept        = 64 << 20 // bytes of the bucket with the devices
	mostWaiting     = 64 << 20 // bytes that wait for a connection which reads slowly
	mostSubscribed  = 64       // subscriptions of a connection
	longestLogin    = 5        // seconds
)

// options are those of the server.
func (d Directory) options(listen string, authentication server.Authentication) (*server.Options, error) {
	host, text, err := net.SplitHostPort(listen)
	port, number := strconv.Atoi(text)
	if err != nil || number != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("%s is not an address and a port, such as 192.168.1.5:4222, or :4222 for every address", listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	pair, err := d.keyPair()
	if err != nil {
		return nil, fmt.Errorf("the hub's certificate: %w", err)
	}
	return &server.Options{
		ServerName: hostName, Host: host, Port: port, NoSigs: true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}, TLSTimeout: longestLogin, AuthTimeout: longestLogin,
		MaxConn: mostConnections, MaxPayload: mostRecord, MaxPending: mostWaiting, MaxSubs: mostSubscribed, MaxControlLine: server.MAX_CONTROL_LINE_SIZE,
		PingInterval: pingEach, MaxPingsOut: pingsMissed, WriteDeadline: 10 * time.Second,
		JetStream: true, StoreDir: d.path("jetstream"), JetStreamMaxStore: mostStored + mostKept, JetStreamMaxMemory: 1 << 20, SyncAlways: true,
		CustomClientAuthentication: authentication, AlwaysEnableNonce: true,
	}, nil
}

// authentication lets the hub and its agents in. The server could do that from a list of
// keys. But to change that list it looks at every connection again, also at one that
// logs in at that moment, whose name is not protected: a data race.
type authentication struct {
	hub   string                             // the hub's public key
	agent func(public string) (string, bool) // whose key that is
}

// Check implements [server.Authentication].
func (a authentication) Check(client server.ClientAuthentication) bool {
	login := client.GetOpts()
	if client.Kind() != server.CLIENT || !proves(login.Nkey, client.GetNonce(), login.Sig) {
		return false
	}
	user := &server.User{} // the hub may do everything
	if login.Nkey != a.hub {
		agent, known := a.agent(login.Nkey)
		if !known {
			return false
		}
		user.Permissions = permissions(agent)
	}
	client.RegisterUser(user)
	return true
}

// proves reports whether the holder of a public key signed what the server asked.
func proves(public string, nonce []byte, signature string) bool {
	key, err := nkeys.FromPublicKey(public)
	if err != nil {
		return false
	}
	signed, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && key.Verify(nonce, signed) == nil
}

// disconnect ends the connections of those that are not allowed in any more. A login that
// is not over is looked at by [authentication] itself.
func disconnect(s *server.Server, allowed func(public string) bool) error {
	connections, err := s.Connz(&server.ConnzOptions{Username: true, Limit: mostConnections})
	if err != nil {
		return err
	}
	for _, c := range connections.Conns {
		if c.AuthorizedUser != "" && !allowed(c.AuthorizedUser) {
			_ = s.DisconnectClientByID(c.Cid) // it has left by itself
		}
	}
	return nil
}

// permissions are what an agent may publish and receive.
func permissions(agent string) *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			recordSubjects + "." + agent + ".*.*",
			directGet + "." + recordSubjects + "." + agent + ".*.*",
			helloSubjects + "." + agent,
			returnSubjects + "." + agent,
			queueSubjects + "." + agent,
			sceneSubjects + "." + agent,
			letterSubjects + "." + agent,
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{inboxSubjects + "." + agent + ".>", tellSubjects + "." + agent, actSubjects + "." + agent, deliverySubjects + "." + agent}},
	}
}

// startServer starts the server. It returns once it accepts connections.
func startServer(options *server.Options, say func(string)) (*server.Server, error) {
	s, err := server.NewServer(options)
	if err != nil {
		return nil, err
	}
	log := &logger{say: say}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	const patience = 30 * time.Second // it reads what it has stored
	if !s.ReadyForConnections(patience) {
		stopServer(s)
		return nil, errors.Join(errors.New("the server of the hub does not start"), log.worst())
	}
	return s, nil
}

func stopServer(s *server.Server) {
	if s == nil {
		return
	}
	s.Shutdown()
	s.WaitForShutdown()
}

// logger passes on what the server says of its own faults. What connections do wrong is not
// among it: anybody can connect.
type logger struct {
	say   func(string)
	fatal atomic.Pointer[error] // what ends the server: any of its goroutines may say so
}

func (l *logger) worst() error {
	if err := l.fatal.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *logger) Fatalf(format string, values ...any) {
	err := fmt.Errorf(format, values...)
	l.fatal.Store(&err)
}

func (l *logger) Errorf(format string, values ...any) {
	if text := fmt.Sprintf(format, values...); strings.Contains(text, "JetStream") {
		l.say("the server of the hub: " + text)
	}
}

func (*logger) Warnf(string, ...any)   {}
func (*logger) Noticef(string, ...any) {}
func (*logger) Debugf(string, ...any)  {}
func (*logger) Tracef(string, ...any)  {}
