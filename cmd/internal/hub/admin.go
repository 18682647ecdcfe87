package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// order is what the hub's user wants of a hub under way.
type order struct {
	Release string    `json:"release,omitempty"` // a device
	Stopped bool      `json:"stopped,omitempty"`
	Queue   *Queueing `json:"queue,omitempty"`
}

// result is the answer.
type result struct {
	Fleet Fleet  `json:"fleet"`
	Text  string `json:"text,omitempty"`
	Wrong string `json:"wrong,omitempty"`
}

// admin carries out an order.
func (h *Hub) admin(ctx context.Context, message *nats.Msg) any {
	var o order
	if !isFrom(h.own.public, message) || json.Unmarshal(message.Data, &o) != nil {
		return result{Wrong: "only the hub's own user may do that"}
	}
	var r result
	var err error
	switch {
	case o.Release != "":
		r.Text, err = h.registry.release(ctx, o.Release, o.Stopped)
	case o.Queue != nil:
		r.Text, err = h.registry.queueing(ctx, *o.Queue)
	default:
		r.Fleet, err = h.Fleet(ctx)
	}
	if err != nil {
		r.Wrong = err.Error()
	}
	return r
}

// Status asks the hub that uses the directory for its agents and devices.
func (d Directory) Status(ctx context.Context) (Fleet, error) {
	r, err := d.order(ctx, order{})
	return r.Fleet, err
}

// Release has the hub that uses the directory take a device away from its agent, and
// returns the result in a sentence. Stopped is the user's word that the agent does not drive the
// device any more.
func (d Directory) Release(ctx context.Context, device string, stopped bool) (string, error) {
	r, err := d.order(ctx, order{Release: device, Stopped: stopped})
	return r.Text, err
}

// Queue has the hub that uses the directory change its queue, and returns what came of it, in a line for
// each device.
func (d Directory) Queue(ctx context.Context, q Queueing) (string, error) {
	r, err := d.order(ctx, order{Queue: &q})
	return r.Text, err
}

func (d Directory) order(ctx context.Context, o order) (r result, err error) {
	c, err := readCredentials(d.path("hub.json"))
	if err != nil {
		return r, fmt.Errorf("there is no hub in %s: give its directory with --dir", d)
	}
	address, err := d.address()
	if err != nil {
		return r, err
	}
	options, err := d.login()
	if err != nil {
		return r, err
	}
	connection, err := nats.Connect(address, options...)
	if servers, _ := d.Servers(); err != nil && servers != "" {
		return r, fmt.Errorf("the NATS servers at %s: %w", servers, err)
	}
	if err != nil {
		return r, d.notRunning()
	}
	defer connection.Close()
	signer, err := newSigner(c.Seed)
	if err != nil {
		return r, err
	}
	message := nats.NewMsg(adminSubjects + ".order")
	if message.Data, err = json.Marshal(o); err != nil {
		return r, err
	}
	if err := signer.sign(message); err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	reply, err := connection.RequestMsgWithContext(ctx, message)
	if errors.Is(err, nats.ErrNoResponders) {
		return r, d.notRunning()
	}
	if err != nil {
		return r, fmt.Errorf("the hub does not answer: %w", err)
	}
	if err := json.Unmarshal(reply.Data, &r); err != nil {
		return r, err
	}
	if r.Wrong != "" {
		return r, errors.New(r.Wrong)
	}
	return r, nil
}

func (d Directory) notRunning() error {
	return fmt.Errorf("no hub runs with %s: start it first: needwant hub --dir %s", d, d)
}

// address is the URL at which the hub's server, or the servers that it uses, are reached from here.
func (d Directory) address() (string, error) {
	cluster, err := d.cluster()
	if err != nil || cluster.URL != "" {
		return cluster.URL, err
	}
	text, err := os.ReadFile(d.path("address"))
	if err != nil {
		return "", d.notRunning()
	}
	return "tls://" + near(strings.TrimSpace(string(text))), nil
}

// DefaultPort is where a hub listens for agents.
const DefaultPort = "4222"

// Port is where the hub that uses the directory listens, or listened last; [DefaultPort] if it was never
// started.
func (d Directory) Port() string {
	text, err := os.ReadFile(d.path("address"))
	if err != nil {
		return DefaultPort
	}
	_, port, err := net.SplitHostPort(strings.TrimSpace(string(text)))
	if err != nil {
		return DefaultPort
	}
	return port
}

// near is an address of this machine at which a server is reached that listens at another
// one, or at every one.
func near(listens string) string {
	host, port, err := net.SplitHostPort(listens)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listens
}
