package scenarios

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// MQTT waits for a message of the device at a broker, and may ask for it.
type MQTT struct {
	Broker   string `yaml:"broker" about:"Host and port, for example 192.168.1.5:1883."`
	Topic    string `yaml:"topic,omitempty" about:"Where the message comes, for example stat/plug/POWER; + and # stand for anything. Left out, nothing is waited for."`
	To       string `yaml:"to,omitempty" about:"Where to send one first, for example cmnd/plug/POWER."`
	Send     string `yaml:"send,omitempty" about:"What to send there."`
	Retained bool   `yaml:"retained,omitempty" about:"true: a message that the broker kept will do. It may be an old one."`
	Username string `yaml:"username,omitempty" about:"For the broker."`
	Password Secret `yaml:"password,omitempty" about:"For the broker: env:NAME or file:PATH."`
	TLS      bool   `yaml:"tls,omitempty" about:"true: over TLS, with a certificate that this machine trusts."`
}

// MQTTResult is what an expectation on [MQTT] may name.
type MQTTResult struct {
	Payload string  `expr:"payload" about:"The message."`
	JSON    any     `expr:"json" about:"The same, where it is JSON."`
	Topic   string  `expr:"topic" about:"Where it came."`
	RTT     float64 `expr:"rtt_ms" about:"Milliseconds from the sending, or the subscription, to the message."`
}

func mqttKind() Kind {
	return Kind{
		Name:    "mqtt",
		About:   "Waits for a message at an MQTT broker (version 5), and may send one first that asks for it.",
		Fails:   "No message in time is a failure. A broker that cannot be reached, or lets nobody in, makes the check inconclusive.",
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
		return wrong("topic", fmt.Sprintf("%q is no topic", m.Topic), "let + stand alone between slashes, and # at the end")
	case m.Password != "" && m.Username == "":
		return wrong("password", "there is a password and no username", "write username beside it")
	}
	return nil
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
		hide = append(hide, func(text string) string { return strings.ReplaceAll(text, password, "(redacted)") })
	}
	name := "mqtt " + m.Topic
	if m.Topic == "" {
		name = "mqtt to " + m.To
	}
	return deed{
		kind: mqttKind(),
		name: name,
		hide: hide,
		run:  func(ctx context.Context) (sight, error) { return m.wait(ctx, e.Place, password) },
	}, nil
}

func (m *MQTT) wait(ctx context.Context, place Place, password string) (sight, error) {
	conn, err := m.dial(ctx, place)
	if err != nil {
		return sight{late: ctx.Err() != nil}, fmt.Errorf("the broker cannot be reached: %w", err)
	}
	defer conn.Close()
	heard := make(chan *paho.Publish, 16)
	lost := make(chan error, 1)
	client := m.client(conn, heard, lost)
	if err := m.enter(ctx, client, password); err != nil {
		return sight{late: ctx.Err() != nil}, fmt.Errorf("the broker does not take us: %w", err)
	}
	defer func() { _ = client.Disconnect(&paho.Disconnect{}) }() // the broker notices either way
	started := time.Now()
	if m.To != "" {
		if _, err := client.Publish(ctx, &paho.Publish{QoS: 1, Topic: m.To, Payload: []byte(m.Send)}); err != nil {
			return sight{late: ctx.Err() != nil}, fmt.Errorf("sending to %s: %w", m.To, err)
		}
	}
	if m.Topic == "" {
		return sight{result: MQTTResult{RTT: milliseconds(time.Since(started))}, saw: "the broker has it"}, nil
	}
	select {
	case message := <-heard:
		return heardOf(message, time.Since(started)), nil
	case err := <-lost:
		return sight{}, fmt.Errorf("the broker broke off: %w", err)
	case <-ctx.Done():
		return sight{failure: "no message in time", late: true}, nil
	}
}

func heardOf(message *paho.Publish, rtt time.Duration) sight {
	result := MQTTResult{Payload: string(message.Payload), Topic: message.Topic, RTT: milliseconds(rtt)}
	saw := result.Payload
	if value, err := values(message.Payload); err == nil {
		result.JSON = value
		saw = show(value)
	}
	return sight{result: result, saw: message.Topic + " " + saw}
}

func (m *MQTT) dial(ctx context.Context, place Place) (net.Conn, error) {
	conn, err := place.dial(ctx, "tcp", m.Broker)
	if err != nil || !m.TLS {
		return conn, err
	}
	host, _, _ := net.SplitHostPort(m.Broker)
	secured := tls.Client(conn, &tls.Config{ServerName: host})
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return packets.NewThreadSafeConn(secured), nil
}

// client hands on what it hears, as far as somebody waits for it.
func (m *MQTT) client(conn net.Conn, heard chan<- *paho.Publish, lost chan<- error) *paho.Client {
	tell := func(err error) {
		select {
		case lost <- err:
		default:
		}
	}
	return paho.NewClient(paho.ClientConfig{
		Conn:               conn,
		OnClientError:      tell,
		OnServerDisconnect: func(d *paho.Disconnect) { tell(fmt.Errorf("reason %#02x", d.ReasonCode)) },
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			if p.Packet.Retain && !m.Retained {
				return true, nil
			}
			select {
			case heard <- p.Packet:
			default:
			}
			return true, nil
		}},
	})
}

// enter connects and subscribes.
func (m *MQTT) enter(ctx context.Context, client *paho.Client, password string) error {
	answer, err := client.Connect(ctx, &paho.Connect{
		ClientID: "needwant-" + rand.Text()[:8], CleanStart: true, KeepAlive: 30,
		Username: m.Username, UsernameFlag: m.Username != "", Password: []byte(password), PasswordFlag: password != "",
	})
	if answer != nil && answer.ReasonCode >= 0x80 {
		return fmt.Errorf("reason %#02x: check username and password", answer.ReasonCode)
	}
	if err != nil || m.Topic == "" {
		return err
	}
	_, err = client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: m.Topic, QoS: 1}}})
	return err
}
