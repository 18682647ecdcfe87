package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Hub receives what agents send.
type Hub struct {
	directory Directory
	cluster   Cluster // without a URL if it uses the built-in server
	listen    string
	own       signer
	notes     *notes
	lock      *os.File

	registry *registry
	stage    *stage
	page     atomic.Bool
	serving  chan struct{} // closed when it answers for the first time
	once     sync.Once

	server *server.Server // nil with a cluster

	mu     sync.Mutex
	agents map[string]string // their public keys, by name
}

// New prepares the hub in a directory, which it makes if there is none. Listen is where
// agents connect, such as :4222, unless the hub uses a [Cluster]. Say is told what a person should know.
func New(directory Directory, listen string, say func(string)) (*Hub, error) {
	if err := directory.prepare(); err != nil {
		return nil, err
	}
	h := &Hub{directory: directory, listen: listen, notes: newNotes(say), registry: &registry{seen: map[string]presence{}}, serving: make(chan struct{})}
	var err error
	if h.own, err = directory.own(); err != nil {
		return nil, err
	}
	h.stage = &stage{own: h.own, plays: map[string]*playing{}}
	if h.agents, err = directory.agents(); err != nil {
		return nil, err
	}
	if h.cluster, err = directory.cluster(); err != nil {
		return nil, err
	}
	if h.lock, err = directory.lock(); err != nil {
		return nil, err
	}
	if err := h.start(); err != nil {
		return nil, errors.Join(err, h.lock.Close())
	}
	return h, nil
}

// start starts the server, unless the hub uses others.
func (h *Hub) start() error {
	if h.cluster.URL != "" {
		h.listen = h.cluster.URL
		return nil
	}
	options, err := h.directory.options(h.listen, authentication{hub: h.own.public, agent: h.holder})
	if err != nil {
		return err
	}
	if h.server, err = startServer(options, h.notes.say); err != nil {
		return fmt.Errorf("%w: is another program at %s? --listen chooses another address", err, h.listen)
	}
	h.listen = h.server.Addr().String() // also after a restart
	return os.WriteFile(h.directory.path("address"), []byte(h.listen+"\n"), 0o600)
}

// HasPage says that people see a page, on which they answer questions.
func (h *Hub) HasPage() { h.page.Store(true) }

// Address is where agents connect.
func (h *Hub) Address() string { return h.listen }

// Where says that.
func (h *Hub) Where() string {
	if h.cluster.URL != "" {
		return "The hub uses the NATS servers at " + h.listen
	}
	return "The hub listens at " + h.listen
}

// Serving is closed when the hub answers agents and its user for the first time. Records need not be
// received yet.
func (h *Hub) Serving() <-chan struct{} { return h.serving }

// Run receives until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	defer h.lock.Close()
	defer func() { stopServer(h.server) }()
	for ctx.Err() == nil {
		err := h.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.notes.say(fmt.Sprintf("the hub begins again: %v", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		if err := h.stores(); err != nil {
			h.revive(ctx, err)
		}
	}
}

// stores finds out why the server cannot store records. A stream that could not write once does
// not try again, and says nothing of it: so the server must stop before the disk is full.
func (h *Hub) stores() error {
	if h.server != nil && !h.server.JetStreamEnabled() {
		return errors.New("the server stores nothing any more")
	}
	return h.directory.room()
}

// revive stops the server, and starts it again once it can store something. Why is what is
// wrong now.
func (h *Hub) revive(ctx context.Context, why error) {
	stopServer(h.server)
	for {
		h.notes.say(fmt.Sprintf("the hub receives nothing: %v. Agents keep their records until it does", why))
		select {
		case <-ctx.Done():
			return
		case <-time.After(fullPause):
		}
		if why = h.directory.room(); why == nil {
			why = h.start()
		}
		if why == nil {
			h.notes.say("the hub receives records again")
			return
		}
	}
}

// serve answers agents and receives records until ctx ends or something fails.
func (h *Hub) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connection, lost, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := h.storage(ctx, connection)
	if err != nil {
		return err
	}
	for subject, answer := range map[string]func(context.Context, *nats.Msg) any{
		helloSubjects + ".*": h.served(h.registry.welcome), returnSubjects + ".*": h.served(h.registry.takeBack),
		queueSubjects + ".*": h.served(h.registry.attend), adminSubjects + ".*": h.admin,
	} {
		if _, err := connection.Subscribe(subject, func(message *nats.Msg) { h.answer(ctx, message, answer) }); err != nil {
			return err
		}
	}
	if _, err := connection.Subscribe(sceneSubjects+".*", h.scene); err != nil {
		return err
	}
	if _, err := connection.Subscribe(letterSubjects+".*", func(message *nats.Msg) { h.relay(connection, message) }); err != nil {
		return err
	}
	h.stage.use(connection)
	defer h.stage.use(nil)
	if err := connection.Flush(); err != nil { // the subscriptions
		return err
	}
	h.once.Do(func() { close(h.serving) })
	in := &inbox{directory: h.directory, stream: stream, keys: h.key, say: h.notes.say, tell: func(agent string, r refusal) { h.refuse(connection, agent, r) }}
	broken := make(chan error, 1)
	var receiving sync.WaitGroup
	receiving.Go(func() { broken <- in.run(ctx) })
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case err := <-broken:
			return err
		case <-lost:
			cancel()
			receiving.Wait()
			return errors.New("the connection to the NATS server is lost")
		case <-again.C:
			h.reload()
			if err := h.stores(); err != nil {
				cancel()
				receiving.Wait()
				return nil
			}
		}
	}
}

// connect connects to the server. Lost is closed when the connection is. It does not connect
// again by itself: everything begins again then.
func (h *Hub) connect(ctx context.Context) (connection *nats.Conn, lost chan struct{}, err error) {
	lost = make(chan struct{})
	options := []nats.Option{nats.MaxReconnects(0), nats.Name(hostName), nats.ClosedHandler(func(*nats.Conn) { close(lost) })}
	if h.server != nil {
		options = append(options, nats.InProcessServer(h.server), nats.Nkey(h.own.public, h.own.key.Sign))
	} else {
		login, err := h.directory.login()
		if err != nil {
			return nil, nil, err
		}
		options = append(options, append(append(login, impatient()...), nats.SetCustomDialer(dialer{ctx}))...)
	}
	connection, err = nats.Connect(h.cluster.URL, options...)
	if errors.Is(err, nats.ErrAuthorization) {
		err = fmt.Errorf("the NATS servers do not let the hub in: add the users that needwant hub users prints to their configuration (%w)", err)
	}
	return connection, lost, err
}

// dialer connects to a server until ctx ends.
type dialer struct{ ctx context.Context }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: longestLogin * time.Second}).DialContext(d.ctx, network, address)
}

// storage makes the stream and the bucket if they are not there.
func (h *Hub) storage(ctx context.Context, connection *nats.Conn) (jetstream.Stream, error) {
	js, err := jetstream.New(connection, jetstream.WithDefaultTimeout(requestLimit))
	if err != nil {
		return nil, err
	}
	var stream jetstream.Stream
	err = replicated(h.server == nil, func(replicas int) (err error) {
		stream, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: streamName, Subjects: []string{recordSubjects + ".*.*.*"}, Storage: jetstream.FileStorage, AllowDirect: true, Replicas: replicas,
			MaxBytes: mostStored, MaxMsgSize: mostRecord, Discard: jetstream.DiscardNew, // no record is discarded: an agent keeps what does not fit
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return stream, replicated(h.server == nil, func(replicas int) error {
		bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: devicesBucket, Storage: jetstream.FileStorage, History: 1, Replicas: replicas, MaxBytes: mostKept, MaxValueSize: mostHello,
		})
		if err == nil {
			h.registry.keep(bucket)
		}
		return err
	})
}

// reload lets agents in that were added, and those that were removed no longer.
func (h *Hub) reload() {
	agents, err := h.directory.agents()
	if err != nil {
		h.notes.say(fmt.Sprintf("the agents cannot be read: %v", err))
		return
	}
	h.mu.Lock()
	same := maps.Equal(agents, h.agents)
	h.agents = agents
	h.mu.Unlock()
	if same || h.server == nil {
		return
	}
	allowed := func(public string) bool {
		_, known := h.holder(public)
		return known || public == h.own.public
	}
	if err := disconnect(h.server, allowed); err != nil {
		h.notes.say(fmt.Sprintf("the hub cannot tell which agents are connected: %v", err))
	}
}

// key is an agent's public key; "" if there is no such agent.
func (h *Hub) key(agent string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.agents[agent]
}

// holder is the agent that has a public key.
func (h *Hub) holder(public string) (agent string, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for agent, its := range h.agents {
		if its == public {
			return agent, true
		}
	}
	return "", false
}

// answer answers a request.
func (h *Hub) answer(ctx context.Context, message *nats.Msg, answer func(context.Context, *nats.Msg) any) {
	if message.Reply == "" || len(message.Data) > mostHello {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	text, err := json.Marshal(answer(ctx, message))
	if err != nil {
		text = []byte(`{"wrong": "the hub has no answer"}`)
	}
	reply := nats.NewMsg(message.Reply)
	reply.Data = text
	if h.own.sign(reply) == nil {
		_ = message.RespondMsg(reply) // who asked asks again
	}
}

// asked reads what an agent asks. It returns what is wrong with that, if anything is.
func (h *Hub) asked(message *nats.Msg) (agent string, asked hello, wrong string) {
	agent = agentOf(message.Subject)
	err := json.Unmarshal(message.Data, &asked)
	if err == nil {
		err = asked.valid()
	}
	switch key := h.key(agent); {
	case key == "":
		wrong = "there is no such agent"
	case !isFrom(key, message):
		wrong = "a request was not signed by the agent that it names"
	case err != nil:
		wrong = fmt.Sprintf("a request cannot be read: %v", err)
	}
	if wrong != "" {
		h.notes.say(fmt.Sprintf("agent %.40q: %s", agent, wrong))
	}
	return agent, asked, wrong
}

// served is what answers one kind of request of agents.
func (h *Hub) served(serve func(ctx context.Context, agent string, asked hello) (welcome, error)) func(context.Context, *nats.Msg) any {
	return func(ctx context.Context, message *nats.Msg) any {
		agent, asked, wrong := h.asked(message)
		if wrong != "" {
			return welcome{Wrong: wrong}
		}
		answer, err := serve(ctx, agent, asked)
		if err != nil {
			return welcome{Wrong: fmt.Sprintf("the hub cannot say who has a device: %v", err)}
		}
		answer.Page = h.page.Load()
		return answer
	}
}

// refuse tells an agent why the records of a run are not taken.
func (h *Hub) refuse(connection *nats.Conn, agent string, r refusal) {
	message := nats.NewMsg(tellSubjects + "." + agent)
	var err error
	if message.Data, err = json.Marshal(r); err != nil {
		return
	}
	if err := h.own.sign(message); err == nil {
		_ = connection.PublishMsg(message) // if it is lost, the agent sends the record again, and is told again
	}
}

// Fleet is what the hub knows of agents and devices.
func (h *Hub) Fleet(ctx context.Context) (Fleet, error) {
	h.mu.Lock()
	agents := slices.Sorted(maps.Keys(h.agents))
	h.mu.Unlock()
	return h.registry.fleet(ctx, agents)
}

// Connected reports whether an agent was there a moment ago.
func (h *Hub) Connected(agent string) bool { return h.registry.connected(agent) }
