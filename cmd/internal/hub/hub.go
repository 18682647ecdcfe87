package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Hub receives what agents send.
type Hub struct {
	directory Directory
	listen    string
	own       signer
	notes     *notes
	lock      *os.File

	registry *registry

	mu     sync.Mutex
	agents map[string]string // their public keys, by name
	server *server.Server
}

// New prepares the hub in a directory, which it makes if there is none. Listen is where
// agents connect, such as :4222. Say is told what a person should know.
func New(directory Directory, listen string, say func(string)) (*Hub, error) {
	if err := directory.prepare(); err != nil {
		return nil, err
	}
	h := &Hub{directory: directory, listen: listen, notes: newNotes(say), registry: &registry{seen: map[string]presence{}}}
	var err error
	if h.own, err = directory.own(); err != nil {
		return nil, err
	}
	if h.agents, err = directory.agents(); err != nil {
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

// start starts the server.
func (h *Hub) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	options, err := h.directory.options(h.listen, h.agents)
	if err != nil {
		return err
	}
	if h.server, err = startServer(options, h.notes.say); err != nil {
		return fmt.Errorf("%w: is another program at %s? --listen chooses another address", err, h.listen)
	}
	h.listen = h.server.Addr().String() // also after a restart
	return os.WriteFile(h.directory.path("address"), []byte(h.listen+"\n"), 0o600)
}

// Address is where agents connect.
func (h *Hub) Address() string { return h.listen }

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
	if !h.server.JetStreamEnabled() {
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
	connection, err := h.connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := h.storage(ctx, connection)
	if err != nil {
		return err
	}
	for subject, answer := range map[string]func(context.Context, *nats.Msg) any{
		helloSubjects + ".*": h.hello, returnSubjects + ".*": h.returned, adminSubjects + ".*": h.admin,
	} {
		if _, err := connection.Subscribe(subject, func(message *nats.Msg) { h.answer(ctx, message, answer) }); err != nil {
			return err
		}
	}
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

func (h *Hub) connect() (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(h.server), nats.Nkey(h.own.public, h.own.key.Sign), nats.MaxReconnects(0), nats.Name(hostName))
}

// storage makes the stream and the bucket if they are not there.
func (h *Hub) storage(ctx context.Context, connection *nats.Conn) (jetstream.Stream, error) {
	js, err := jetstream.New(connection, jetstream.WithDefaultTimeout(requestLimit))
	if err != nil {
		return nil, err
	}
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{recordSubjects + ".*.*.*"}, Storage: jetstream.FileStorage, AllowDirect: true,
		MaxBytes: mostStored, MaxMsgSize: mostRecord, Discard: jetstream.DiscardNew, // no record is discarded: an agent keeps what does not fit
	})
	if err != nil {
		return nil, err
	}
	bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: devicesBucket, Storage: jetstream.FileStorage, History: 1, MaxBytes: mostKept, MaxValueSize: mostHello})
	if err != nil {
		return nil, err
	}
	h.registry.keep(bucket)
	return stream, nil
}

// reload lets agents in that were added, and those that were removed no longer.
func (h *Hub) reload() {
	agents, err := h.directory.agents()
	if err != nil {
		h.notes.say(fmt.Sprintf("the agents cannot be read: %v", err))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if maps.Equal(agents, h.agents) {
		return
	}
	options, err := h.directory.options(h.listen, agents)
	if err == nil {
		err = h.server.ReloadOptions(options)
	}
	if err != nil {
		h.notes.say(fmt.Sprintf("the agents cannot be changed: %v", err))
		return
	}
	h.agents = agents
}

// key is an agent's public key; "" if there is no such agent.
func (h *Hub) key(agent string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.agents[agent]
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
	_ = message.Respond(text) // who asked asks again
}

// asked reads what an agent asks. It returns what is wrong with that, if anything is.
func (h *Hub) asked(message *nats.Msg) (agent string, asked hello, wrong string) {
	agent = message.Subject[strings.LastIndexByte(message.Subject, '.')+1:]
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

func (h *Hub) hello(ctx context.Context, message *nats.Msg) any {
	agent, asked, wrong := h.asked(message)
	if wrong != "" {
		return welcome{Wrong: wrong}
	}
	answer, err := h.registry.welcome(ctx, agent, asked)
	if err != nil {
		return welcome{Wrong: fmt.Sprintf("the hub cannot tell who has a device: %v", err)}
	}
	return answer
}

func (h *Hub) returned(ctx context.Context, message *nats.Msg) any {
	agent, asked, wrong := h.asked(message)
	if wrong != "" {
		return welcome{Wrong: wrong}
	}
	for _, device := range asked.Devices {
		if err := h.registry.free(ctx, agent, device.key(agent)); err != nil {
			return welcome{Wrong: err.Error()}
		}
	}
	return welcome{}
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
