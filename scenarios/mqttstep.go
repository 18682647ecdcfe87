package scenarios

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// MQTT waits for a message of the device at a broker, and may ask for it.
type MQTT struct {
	Broker   string `yaml:"broker" about:"Host and port, for example 192.168.1.5:1883."`
	Topic    string `yaml:"topic,omitempty" about:"The topic of the message, for example stat/plug/POWER. The wildcards + and # are possible. Without a topic, the step does not wait for a message."`
	To       string `yaml:"to,omitempty" about:"The topic to which a message is sent first, for example cmnd/plug/POWER."`
	Send     string `yaml:"send,omitempty" about:"The text of the message that is sent."`
	Retained bool   `yaml:"retained,omitempty" about:"true: a retained message counts, too. It may be an old one."`
	Username string `yaml:"username,omitempty" about:"The user name for the broker."`
	Password Secret `yaml:"password,omitempty" about:"The password for the broker: env:NAME or file:PATH."`
	TLS      TLS    `yaml:"tls,omitempty" about:"true: over TLS, with a certificate that this machine trusts. insecure: with any certificate. pinned: only the certificate with this fingerprint; if no fingerprint is given, the first certificate that is seen in the run."`
	Version  string `yaml:"version,omitempty" jsonschema:"enum=5,enum=3.1.1" about:"The version of MQTT, in quotes. The default is 5, or 3.1.1 if the broker rejects 5."`

	Fingerprint string `yaml:"fingerprint,omitempty" about:"Only with tls: pinned. The SHA-256 of the certificate, in quotes, as openssl x509 -fingerprint -sha256 prints it."`
}

const (
	newVersion = "5"
	oldVersion = "3.1.1"
)

// MQTTResult is what an expectation on [MQTT] may name.
type MQTTResult struct {
	Payload string  `expr:"payload" about:"The message."`
	JSON    any     `expr:"json" about:"The values of the message, if it is JSON."`
	Topic   string  `expr:"topic" about:"The topic of the message."`
	RTT     float64 `expr:"rtt_ms" about:"Milliseconds until the message was received. They count from when the step sent its own message; if it sent none, from the subscription."`
}

func mqttKind() Kind {
	return Kind{
		Name:    "mqtt",
		About:   "Waits for a message from an MQTT broker (version 5 or 3.1.1). The step can send a message first, for example a request.",
		Fails:   "No message in time is a failure. If the broker cannot be reached, or rejects the login, the check is inconclusive.",
		Example: "{mqtt: {broker: '192.168.1.5:1883', to: cmnd/plug/STATUS, topic: stat/plug/STATUS}, expect: 'json.Status.Power == 1', timeout: 10s}",
		New:     func() Action { return new(MQTT) },
		Result:  MQTTResult{},
		Expect:  "true",
	}
}

func (m *MQTT) check() *ArgumentError {
	if mistake := checkAddress("broker", m.Broker, "192.168.1.5:1883"); mistake != nil {
		return mistake
	}
	switch {
	case m.Topic == "" && m.To == "":
		return wrong("", "mqtt neither waits nor sends", "write topic: stat/plug/POWER, or to: and send:")
	case strings.ContainsAny(m.To, "+#") || strings.ContainsRune(m.To+m.Topic, 0):
		return wrong("to", "nothing can be sent to several topics", "write one topic, without + and #")
	case m.To == "" && m.Send != "":
		return wrong("send", "nothing says where to send it", "write to: cmnd/plug/POWER beside it")
	case !goodFilter(m.Topic):
		return wrong("topic", fmt.Sprintf("%q is not a topic", m.Topic), "let + stand alone between slashes, and # at the end")
	case m.Password != "" && m.Username == "":
		return wrong("password", "there is a password and no username", "write username beside it")
	case m.Version != "" && m.Version != newVersion && m.Version != oldVersion:
		return wrong("version", fmt.Sprintf("version is %q", m.Version), `write "5" or "3.1.1", in quotes`)
	}
	return checkTLS(m.TLS, m.Fingerprint)
}

// goodFilter follows section 4.7 of MQTT 5.
func goodFilter(topic string) bool {
	levels := strings.Split(topic, "/")
	for i, level := range levels {
		if strings.ContainsAny(level, "+#") && len(level) > 1 || level == "#" && i < len(levels)-1 {
			return false
		}
	}
	return true
}

func (m *MQTT) prepare(e *Engine, _ time.Duration) (deed, error) {
	password := ""
	hide := []func(string) string{}
	if m.Password != "" {
		text, err := m.Password.Read(e.Folder)
		if err != nil {
			return deed{}, fmt.Errorf("the broker's password: %w", err)
		}
		password = text
		hide = append(hide, redact(password))
	}
	name := "mqtt " + m.Topic
	if m.Topic == "" {
		name = "mqtt to " + m.To
	}
	host, _, _ := net.SplitHostPort(m.Broker)
	how := m.TLS
	if how == usualTLS {
		how = ""
	}
	call := call{MQTT: m, place: e.Place, password: password, config: trust(host, how, m.Fingerprint), old: new(atomic.Bool)}
	call.old.Store(m.Version == oldVersion)
	return deed{kind: mqttKind(), name: name, hide: hide, run: call.wait}, nil
}

// call is an mqtt step that can be made.
type call struct {
	*MQTT
	place    Place
	password string
	config   *tls.Config
	old      *atomic.Bool // the broker takes version 3.1.1 only
}

// session is a connection that a broker has accepted.
type session struct {
	publish func(ctx context.Context) error
	leave   func()
}

// message is what a broker delivered.
type message struct {
	topic   string
	payload []byte
}

// delivery takes messages as far as someone waits for them, and the reason why no
// more will come.
type delivery struct {
	messages chan message
	lost     chan error
	retained bool // messages that the broker kept count
}

func (d delivery) deliver(topic string, payload []byte, retained bool) {
	if retained && !d.retained {
		return
	}
	select {
	case d.messages <- message{topic, payload}:
	default:
	}
}

func (d delivery) lose(err error) {
	select {
	case d.lost <- err:
	default:
	}
}

func (c call) wait(ctx context.Context) (sight, error) {
	heard := delivery{make(chan message, 16), make(chan error, 1), c.Retained}
	session, err := c.enter(ctx, heard)
	if err != nil {
		return sight{late: ctx.Err() != nil}, err
	}
	defer session.leave()
	started := time.Now()
	if c.To != "" {
		if err := session.publish(ctx); err != nil {
			return sight{late: ctx.Err() != nil}, fmt.Errorf("sending to %s: %w", c.To, err)
		}
	}
	if c.Topic == "" {
		return sight{result: MQTTResult{RTT: milliseconds(time.Since(started))}, saw: "the broker has it"}, nil
	}
	select {
	case message := <-heard.messages:
		return heardOf(message, time.Since(started)), nil
	case err := <-heard.lost:
		return sight{}, fmt.Errorf("the broker broke off: %w", err)
	case <-ctx.Done():
		return sight{failure: "no message in time", late: true}, nil
	}
}

func heardOf(message message, rtt time.Duration) sight {
	result := MQTTResult{Payload: string(message.payload), Topic: message.topic, RTT: milliseconds(rtt)}
	saw := result.Payload
	if value, err := values(message.payload); err == nil {
		result.JSON = value
		saw = show(value)
	}
	return sight{result: result, saw: message.topic + " " + saw}
}

// enter connects and subscribes, with version 5 or, if the broker refuses that,
// with 3.1.1.
func (c call) enter(ctx context.Context, heard delivery) (session, error) {
	if c.old.Load() {
		return c.connect(ctx, heard, c.enterOld)
	}
	if c.Version == newVersion {
		return c.connect(ctx, heard, c.enterNew)
	}
	// A broker that does not know version 5 may say nothing.
	end, _ := ctx.Deadline()
	half, cancel := context.WithDeadline(ctx, time.Now().Add(time.Until(end)/2))
	defer cancel()
	entered, err := c.connect(half, heard, c.enterNew)
	if err == nil || !errors.Is(err, errVersion) || ctx.Err() != nil {
		return entered, err
	}
	again, failure := c.connect(ctx, heard, c.enterOld)
	if failure != nil {
		return session{}, fmt.Errorf("%w; with version 3.1.1: %w", err, failure)
	}
	c.old.Store(true)
	return again, nil
}

// errVersion tells that a broker may not know version 5.
var errVersion = errors.New("the broker does not accept MQTT 5")

// connect opens a connection for one version, and closes it if that fails.
func (c call) connect(ctx context.Context, heard delivery, enter func(context.Context, net.Conn, delivery) (session, error)) (session, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return session{}, err
	}
	entered, err := enter(ctx, conn, heard)
	if err != nil {
		return session{}, errors.Join(err, ignoreClosed(conn.Close()))
	}
	return entered, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// dial connects, with TLS if the step wants that.
func (c call) dial(ctx context.Context) (net.Conn, error) {
	conn, err := c.place.dial(ctx, "tcp", c.Broker)
	if err != nil {
		return nil, fmt.Errorf("the broker cannot be reached: %w", err)
	}
	if c.TLS == "" {
		return packets.NewThreadSafeConn(&frames{Conn: conn}), nil
	}
	secured := tls.Client(conn, c.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		if other := untrusted(err); other != nil {
			err = other
		}
		return nil, errors.Join(fmt.Errorf("the broker cannot be reached: %w", err), ignoreClosed(conn.Close()))
	}
	return packets.NewThreadSafeConn(&frames{Conn: secured}), nil
}

// identity is a client's name at the broker, new for each connection.
func identity() string { return "needwant-" + rand.Text()[:8] }

// enterNew enters with MQTT 5.
func (c call) enterNew(ctx context.Context, conn net.Conn, heard delivery) (session, error) {
	client := paho.NewClient(paho.ClientConfig{
		Conn:               conn,
		OnClientError:      heard.lose,
		OnServerDisconnect: func(d *paho.Disconnect) { heard.lose(fmt.Errorf("reason %#02x", d.ReasonCode)) },
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			heard.deliver(p.Packet.Topic, p.Packet.Payload, p.Packet.Retain)
			return true, nil
		}},
	})
	largest := uint32(maxPacket)
	answer, err := client.Connect(ctx, &paho.Connect{
		ClientID: identity(), CleanStart: true, KeepAlive: 30, Properties: &paho.ConnectProperties{MaximumPacketSize: &largest},
		Username: c.Username, UsernameFlag: c.Username != "", Password: []byte(c.password), PasswordFlag: c.password != "",
	})
	const unsupported = 0x84 // section 3.2.2.2 of MQTT 5
	switch {
	case answer != nil && answer.ReasonCode == unsupported:
		return session{}, fmt.Errorf("%w: reason %#02x", errVersion, answer.ReasonCode)
	case answer != nil && answer.ReasonCode >= 0x80:
		return session{}, fmt.Errorf("the broker does not accept us: reason %#02x: check username and password", answer.ReasonCode)
	case err != nil:
		return session{}, fmt.Errorf("%w: %w", errVersion, err)
	}
	leave := func() { _ = client.Disconnect(&paho.Disconnect{}); _ = conn.Close() } // the broker notices either way
	if c.Topic != "" {
		if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: c.Topic, QoS: 1}}}); err != nil {
			leave()
			return session{}, fmt.Errorf("subscribing to %s: %w", c.Topic, err)
		}
	}
	return session{leave: leave, publish: func(ctx context.Context) error {
		_, err := client.Publish(ctx, &paho.Publish{QoS: 1, Topic: c.To, Payload: []byte(c.Send)})
		return err
	}}, nil
}
