package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	oldpackets "github.com/eclipse/paho.mqtt.golang/packets"
)

// mqtt311 is the number of MQTT 3.1.1 in its CONNECT packet.
const mqtt311 = 4

// enterOld enters with MQTT 3.1.1.
func (c call) enterOld(ctx context.Context, conn net.Conn, heard delivery) (session, error) {
	options := mqtt.NewClientOptions().
		AddBroker("tcp://" + c.Broker).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return conn, nil }).
		SetProtocolVersion(mqtt311).SetClientID(identity()).SetCleanSession(true).
		SetKeepAlive(30 * time.Second).SetAutoReconnect(false).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { heard.lose(err) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { heard.deliver(m.Topic(), m.Payload(), m.Retained()) })
	if c.Username != "" {
		options.SetUsername(c.Username).SetPassword(c.password)
	}
	client := mqtt.NewClient(options)
	leave := func() {
		client.Disconnect(0) // the broker notices either way
		_ = conn.Close()
	}
	if err := done(ctx, client.Connect()); err != nil {
		leave()
		return session{}, refusal(err)
	}
	if c.Topic != "" {
		if err := done(ctx, client.Subscribe(c.Topic, 1, nil)); err != nil {
			leave()
			return session{}, fmt.Errorf("subscribing to %s: %w", c.Topic, err)
		}
	}
	return session{leave: leave, publish: func(ctx context.Context) error {
		return done(ctx, client.Publish(c.To, 1, false, c.Send))
	}}, nil
}

// done waits for what a client does.
func done(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refusal says what to do about a broker's refusal.
func refusal(err error) error {
	if errors.Is(err, oldpackets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, oldpackets.ErrorRefusedNotAuthorised) {
		return fmt.Errorf("the broker does not accept us: %w: check username and password", err)
	}
	return fmt.Errorf("the broker does not accept us: %w", err)
}
