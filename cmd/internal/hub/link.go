package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How both sides find out that a connection is broken.
const (
	pingEach    = 4 * time.Second
	pingsMissed = 2
)

// helloEach is how often an agent tells the hub that it is there.
const helloEach = 3 * time.Second

// Link is an agent's connection to a hub. It connects again by itself.
type Link struct {
	agent      string
	hub        string // its public key
	signer     signer
	instance   string // differs for each process
	connection *nats.Conn
	stream     jetstream.JetStream
	notes      *notes
	stop       context.CancelFunc
	over       chan struct{}
	wake       chan struct{} // has room for one
	closing    atomic.Bool   // by the agent itself
	closed     chan struct{} // closed when the link does not connect again
	turn       chan struct{} // has room for one: requests take turns, so that the hub has them in their order
	requests   uint64        // up to now
	scenes     atomic.Uint64 // messages about experiments
	pageless   atomic.Bool   // the hub said that it has no page

	mu       sync.Mutex
	refusals map[string]string // by subject of a run: why the hub does not take its records
	holdings map[string]*holding
	acts     map[string]chan act // by file: who carries out what people want of an experiment
	lent     map[string]*loan    // by name of the device
	borrowed map[string]*Lane    // by session
	places   map[string]*place   // by name of the device: for which entries of the queue are taken
	state    string              // what stands in the way of everything; "" if nothing does
}

// Device is a device of an agent's.
type Device struct {
	Name      string `json:"name"`
	Model     string `json:"model,omitempty"`
	MAC       string `json:"mac,omitempty"` // "" if the device cannot be another agent's, too
	Placement string `json:"placement"`
}

// holding is a device that the agent has, or wants to have.
type holding struct {
	device  Device
	waiting string        // why it does not have the device yet
	changed chan struct{} // closed when waiting changes
	granted bool
	lost    context.CancelCauseFunc
}

// Connect connects to the hub at a URL such as tls://192.168.1.5:4222; tls:// may be left out. If the hub is not
// reachable, the link goes on trying; if the hub does not let the agent in, that is an
// error. Say is told what a person should know.
func Connect(url, file string, say func(string)) (*Link, error) {
	c, err := readCredentials(file)
	if err != nil {
		return nil, err
	}
	url = withScheme(url)
	l := &Link{agent: c.Agent, hub: c.Hub, instance: rand.Text(), notes: newNotes(say), over: make(chan struct{}), closed: make(chan struct{}), wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), refusals: map[string]string{}, holdings: map[string]*holding{}, acts: map[string]chan act{}, lent: map[string]*loan{}, borrowed: map[string]*Lane{}, places: map[string]*place{}}
	if l.signer, err = newSigner(c.Seed); err != nil {
		return nil, err
	}
	if l.connection, err = dial(url, c, l.events()...); err != nil {
		return nil, err
	}
	for subjects, take := range map[string]nats.MsgHandler{tellSubjects: l.told, actSubjects: l.acted, deliverySubjects: l.delivered} {
		if _, err := l.connection.Subscribe(subjects+"."+l.agent, take); err != nil {
			l.connection.Close()
			return nil, err
		}
	}
	if l.stream, err = jetstream.New(l.connection, jetstream.WithDefaultTimeout(requestLimit)); err != nil {
		l.connection.Close()
		return nil, err
	}
	if !l.connection.IsConnected() {
		l.say("the hub is not reachable at " + url + ": experiments with devices that the agent does not have yet wait, and records are sent later")
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	go l.greet(ctx)
	return l, nil
}

// dial connects. What is wrong with the URL or the credentials is an error; that the
// server is not there is not.
func dial(url string, c credentials, more ...nats.Option) (*nats.Conn, error) {
	login, err := c.login()
	if err != nil {
		return nil, err
	}
	options := slices.Concat(login, more, impatient(), []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.ReconnectJitter(500*time.Millisecond, 500*time.Millisecond), nats.ReconnectBufSize(-1),
	})
	for range 2 { // a server that closes the connection at once may not have said why
		connection, err := nats.Connect(url, options...)
		switch {
		case err == nil:
			return connection, nil
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
			return nil, fmt.Errorf("the hub at %s does not accept these credentials: needwant hub add AGENT writes new ones, on the hub", url)
		case unknownCertificate(err) && c.Cluster:
			return nil, fmt.Errorf("the NATS server at %s has a certificate that these credentials do not accept: %w", url, err)
		case unknownCertificate(err):
			return nil, fmt.Errorf("the hub at %s is not the one that wrote these credentials: %w", url, err)
		}
	}
	connection, err := nats.Connect(url, append(options, nats.RetryOnFailedConnect(true))...)
	if err != nil {
		return nil, fmt.Errorf("the hub at %s: %w: give its address, e.g. tls://192.168.1.5:4222", url, err)
	}
	return connection, nil
}

// impatient has a connection end soon if the other side does not answer.
func impatient() []nats.Option {
	return []nats.Option{nats.Timeout(longestLogin * time.Second), nats.PingInterval(pingEach), nats.MaxPingsOutstanding(pingsMissed), nats.IgnoreDiscoveredServers()}
}

// events are told when the connection is lost and found.
func (l *Link) events() []nats.Option {
	const lost, found = "the connection to the hub is lost: the experiments continue, and records are sent later", "connected to the hub"
	return []nats.Option{
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			if !l.closing.Load() {
				l.notes.turn(found, lost)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { l.notes.turn(lost, found); l.nudge() }),
		nats.ConnectHandler(func(*nats.Conn) { l.nudge() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				l.say(fmt.Sprintf("the hub does not allow it: %v", err))
			}
		}),
		nats.ClosedHandler(func(connection *nats.Conn) {
			if !l.closing.Load() {
				l.say(fmt.Sprintf("the hub lets this agent in no longer (%v): the experiments continue, and their records stay in the run files", connection.LastError()))
			}
			close(l.closed)
		}),
	}
}

func (l *Link) say(text string) { l.notes.say(text) }

// nudge has the agent say hello now.
func (l *Link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close ends the connection.
func (l *Link) Close() {
	l.closing.Store(true)
	l.stop()
	<-l.over
	l.connection.Close()
}

// HasPage reports whether people can answer questions at the hub, as far as that is known.
func (l *Link) HasPage() bool { return !l.pageless.Load() }

// Send sends the records of a run file, which need not exist yet, until ctx ends. Once
// drain is closed it returns as soon as everything is sent. It reports whether the hub has everything.
func (l *Link) Send(ctx context.Context, path, device string, drain <-chan struct{}) bool {
	return (&outbox{link: l, path: path, device: device, last: -1}).run(ctx, drain)
}

// told takes from the hub why it does not take the records of a run.
func (l *Link) told(message *nats.Msg) {
	var r refusal
	if !isFrom(l.hub, message) || json.Unmarshal(message.Data, &r) != nil {
		return
	}
	if from, ok := sourceOf(r.Subject); !ok || from.agent != l.agent {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.refusals[r.Subject]; known || len(l.refusals) > mostRuns {
		return
	}
	l.refusals[r.Subject] = r.Why
	l.say("the hub takes no more records of a run: " + r.Why)
}

// refused says why the hub does not take the records of a run; "" if it does.
func (l *Link) refused(subject string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals[subject]
}

// ErrRejected is that the hub does not let the agent in any more.
var ErrRejected = errors.New("the hub does not accept the agent's credentials any more: needwant hub add AGENT writes new ones, on the hub")

// LostError is that a device was given to another agent.
type LostError struct {
	Device string
	Holder string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("%s belongs to agent %s now, since a person took it away from this one", e.Device, e.Holder)
}

// Hold waits until the device belongs to this agent. Wait is told why that takes long. The
// context that it returns ends if the device is given to another agent, with a [*LostError]
// as its cause. A device without a MAC address is this agent's at once. The error is that of
// ctx, or [ErrRejected].
func (l *Link) Hold(ctx context.Context, device Device, wait func(why string)) (context.Context, error) {
	held, lose := context.WithCancelCause(ctx)
	h := &holding{device: device, waiting: "asking the hub whether another agent has the device", changed: make(chan struct{}), granted: device.MAC == "", lost: lose}
	l.mu.Lock()
	l.holdings[device.key(l.agent)] = h
	l.mu.Unlock()
	l.nudge()
	for told := ""; ; {
		l.mu.Lock()
		granted, why, changed := h.granted, cmp.Or(l.state, h.waiting), h.changed
		l.mu.Unlock()
		if granted {
			return held, nil
		}
		if why != told {
			wait(why)
			told = why
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.closed:
			return nil, ErrRejected
		case <-changed:
		}
	}
}

// Return gives a device back, so that another agent may have it. If the hub is not
// reachable the device stays this agent's.
func (l *Link) Return(ctx context.Context, device Device) error {
	key := device.key(l.agent)
	l.mu.Lock()
	h := l.holdings[key]
	delete(l.holdings, key)
	l.mu.Unlock()
	if h == nil || !h.granted {
		return nil
	}
	h.lost(nil)
	var answer welcome
	err := l.request(ctx, returnSubjects, func() hello { return hello{Devices: []Device{device}} }, &answer)
	if err == nil && answer.Wrong != "" {
		err = errors.New(answer.Wrong)
	}
	return err
}

// greet says hello from time to time, until ctx ends.
func (l *Link) greet(ctx context.Context) {
	defer close(l.over)
	again := time.NewTicker(helloEach)
	defer again.Stop()
	for {
		l.hello(ctx)
		l.attend(ctx)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-l.wake:
		}
	}
}

// hello tells the hub which devices the agent has and wants, and takes in the answer.
func (l *Link) hello(ctx context.Context) {
	var devices []Device
	var answer welcome
	err := l.request(ctx, helloSubjects, func() hello {
		devices = l.wanted()
		return hello{Devices: devices}
	}, &answer)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		l.state = "waiting for the hub, which is not reachable"
	default:
		l.state = answer.Wrong
		l.pageless.Store(answer.Wrong == "" && !answer.Page)
	}
	for _, device := range devices {
		h := l.holdings[device.key(l.agent)]
		if h == nil {
			continue
		}
		if holder, ok := answer.Holders[device.key(l.agent)]; err == nil && ok {
			h.take(l.agent, holder)
		}
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// wanted are the devices that the agent has or wants.
func (l *Link) wanted() (devices []Device) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.holdings {
		devices = append(devices, h.device)
	}
	return devices
}

// take takes in who has the device.
func (h *holding) take(agent, holder string) {
	switch {
	case holder == agent:
		h.granted = true
	case h.granted:
		h.lost(&LostError{h.device.Name, holder})
	default:
		h.waiting = fmt.Sprintf("agent %s has the device: stop that agent, or see needwant hub release --help on the hub", holder)
	}
}

// request sends a request to the hub, and takes in the answer. What it is about is asked once it is this
// request's turn.
func (l *Link) request(ctx context.Context, subjects string, about func() hello, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return cutOff(ctx.Err())
	}
	l.requests++
	message := nats.NewMsg(subjects + "." + l.agent)
	asked := about()
	asked.Instance, asked.Number = l.instance, l.requests
	var err error
	if message.Data, err = json.Marshal(asked); err != nil {
		return err
	}
	if err := l.signer.sign(message); err != nil {
		return err
	}
	reply, err := l.connection.RequestMsgWithContext(ctx, message)
	if err != nil {
		return cutOff(err)
	}
	if !isFrom(l.hub, reply) {
		return errors.New("the hub did not sign its answer")
	}
	return json.Unmarshal(reply.Data, answer)
}

// unknownCertificate reports whether a connection failed since the server has another
// certificate than the one that is expected.
func unknownCertificate(err error) bool {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}
