package hub

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// An agent shows the hub what happens in its experiments, and people act on it there: they answer
// questions and give orders. None of it is stored: it is about now.
//
// Each message of an agent has a ticket, and an act names the newest ticket of its experiment. An agent carries
// out one act for each ticket. So an act that comes twice or late, or that another process of the agent
// was meant to have, is not carried out.

// scene is what happens in an experiment, as its agent says.
type scene struct {
	Instance string          `json:"instance"` // of the process
	Number   uint64          `json:"number"`   // increases with each message of the process
	Device   string          `json:"device"`
	Run      string          `json:"run"`
	Ticket   string          `json:"ticket"`
	State    json.RawMessage `json:"state,omitempty"` // none if the experiment is over
	Done     *deed           `json:"done,omitempty"`
}

// act is what a person wants of an experiment.
type act struct {
	Instance string          `json:"instance"`
	File     string          `json:"file"` // the name of the hub's copy of the run file
	Ticket   string          `json:"ticket"`
	Act      json.RawMessage `json:"act"`
}

// deed is an act that was carried out, and what came of it.
type deed struct {
	Ticket string          `json:"ticket"`
	Reply  json.RawMessage `json:"reply"`
}

// The limits of what agents show.
const (
	mostScene  = 4 << 20  // bytes of a message: a picture of 2 MB is sent as text
	mostState  = 64 << 10 // bytes of what is shown of an experiment
	mostScenes = 1000     // experiments that are shown at the same time
	actLimit   = 5 * time.Second
)

// MostState is how many bytes may be shown of an experiment.
const MostState = mostState

// stage has what the agents of a hub show.
type stage struct {
	own        signer
	mu         sync.Mutex
	connection *nats.Conn          // nil if the hub has none
	plays      map[string]*playing // by file
}

// playing is an experiment that is shown.
type playing struct {
	scene
	agent   string
	at      time.Time
	version int           // of the state
	turn    chan struct{} // has room for one: acts take turns
	done    chan deed     // has room for one
}

// use says which connection leads to the agents; nil if there is none.
func (s *stage) use(connection *nats.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connection = connection
}

// take takes in what an agent shows. What is older than what is known changes nothing. It reports whether there is room.
func (s *stage) take(agent string, next scene) bool {
	file := source{agent, token(next.Device), token(next.Run)}.file()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.plays, func(_ string, p *playing) bool { return time.Since(p.at) > absent })
	p := s.plays[file]
	switch {
	case p != nil && p.Instance == next.Instance && next.Number <= p.Number:
		return true
	case next.State == nil:
		delete(s.plays, file)
		return true
	case p == nil && !s.room(agent):
		return false
	case p == nil:
		p = &playing{agent: agent, turn: make(chan struct{}, 1), done: make(chan deed, 1)}
		s.plays[file] = p
	}
	if !bytes.Equal(p.State, next.State) {
		p.version++
	}
	if next.Done != nil {
		select {
		case p.done <- *next.Done:
		default:
		}
		next.Done = nil // it may have a picture
	}
	p.scene, p.at = next, time.Now()
	return true
}

// room reports whether an agent may show one more experiment.
func (s *stage) room(agent string) bool {
	own := 0
	for _, p := range s.plays {
		if p.agent == agent {
			own++
		}
	}
	return own < mostDevices && len(s.plays) < mostScenes
}

// scene receives what an agent shows.
func (h *Hub) scene(message *nats.Msg) {
	agent := agentOf(message.Subject)
	var next scene
	wrong := ""
	switch key := h.key(agent); {
	case key == "" || !isFrom(key, message):
		wrong = "what an experiment shows was not signed by that agent"
	case len(message.Data) > mostScene || json.Unmarshal(message.Data, &next) != nil || len(next.State) > mostState || len(next.Ticket) > mostText:
		wrong = "what an experiment shows is too long, or cannot be read"
	case !h.registry.serves(agent, next.Instance):
		return // it has not said hello yet, or another process of the agent has
	case !h.stage.take(agent, next):
		wrong = "it shows more experiments than the page of the hub can"
	}
	if wrong != "" {
		h.notes.say(fmt.Sprintf("agent %.40q: %s", agent, wrong))
	}
}

// State is what the agent shows of the experiment whose copy has this file name, and which version
// that is; nil if it shows nothing.
func (h *Hub) State(file string) (state json.RawMessage, version int) {
	h.stage.mu.Lock()
	defer h.stage.mu.Unlock()
	p := h.stage.plays[file]
	if p == nil || time.Since(p.at) > absent {
		return nil, 0
	}
	return p.State, p.version
}

// errNotShown: the experiment is over, or was never shown.
var errNotShown = errors.New("the agent of this device is not connected, or the experiment is over")

// Act has the agent carry out what a person wants of an experiment, and returns what came of it. An
// error means that this is not known.
func (h *Hub) Act(ctx context.Context, file string, what json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, actLimit)
	defer cancel()
	h.stage.mu.Lock()
	p := h.stage.plays[file]
	h.stage.mu.Unlock()
	if p == nil {
		return nil, errNotShown
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, errors.New("the agent is still occupied with what was wanted before")
	}
	ticket, err := h.stage.send(p, file, what)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case d := <-p.done:
			if d.Ticket == ticket {
				return d.Reply, nil
			}
		case <-ctx.Done():
			return nil, errors.New("the agent does not answer: it is not known whether that was done")
		}
	}
}

// send sends an act to the agent of an experiment.
func (s *stage) send(p *playing, file string, what json.RawMessage) (ticket string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection == nil || time.Since(p.at) > absent {
		return "", errNotShown
	}
	message := nats.NewMsg(actSubjects + "." + p.agent)
	if message.Data, err = json.Marshal(act{p.Instance, file, p.Ticket, what}); err != nil {
		return "", err
	}
	if err := s.own.sign(message); err != nil {
		return "", err
	}
	return p.Ticket, s.connection.PublishMsg(message)
}

// Experiment is one that an agent shows.
type Experiment struct {
	// State returns the id of the run, "" if there is none now; what happens in it; and what is closed when that is different.
	State func() (run string, state json.RawMessage, changed <-chan struct{})
	// Do carries out what a person at the hub wants, and returns what came of it.
	Do func(json.RawMessage) json.RawMessage
}

// show is an experiment that is shown.
type show struct {
	Experiment
	link   *Link
	device string
	run    string // "" if there is none now
	ticket string
	acts   chan act // has room for one
}

// sceneEach is the shortest time between two messages about an experiment.
const sceneEach = 250 * time.Millisecond

// Show shows the hub an experiment with a device, until ctx ends.
func (l *Link) Show(ctx context.Context, device string, e Experiment) {
	s := &show{Experiment: e, link: l, device: device, acts: make(chan act, 1)}
	defer func() { s.turn("") }()
	for {
		run, state, changed := e.State()
		s.turn(run)
		if run != "" {
			s.send(state, nil)
		}
		if !s.wait(ctx, changed) {
			return
		}
	}
}

// wait carries out what people want until something has changed, or it is time to say again what
// happens. It reports whether ctx has not ended.
func (s *show) wait(ctx context.Context, changed <-chan struct{}) bool {
	pause, again := time.After(sceneEach), time.After(helloEach)
	var news <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-pause:
			news = changed
		case <-news:
			return true
		case <-again:
			return true
		case a := <-s.acts:
			if a.Ticket != s.ticket {
				s.link.say("something that a person wanted at the hub is rejected: it came twice, or too late")
				continue
			}
			reply := s.Do(a.Act)
			s.ticket = rand.Text()
			_, state, _ := s.State()
			s.send(state, &deed{a.Ticket, reply})
		}
	}
}

// turn turns to another run; "" if there is none.
func (s *show) turn(run string) {
	if run == s.run {
		return
	}
	if s.run != "" {
		s.link.play(s.file(), nil)
		s.send(nil, nil)
	}
	s.run, s.ticket = run, rand.Text()
	if run != "" {
		s.link.play(s.file(), s.acts)
	}
}

func (s *show) file() string { return source{s.link.agent, token(s.device), token(s.run)}.file() }

// send sends what happens. What is lost is sent again soon.
func (s *show) send(state json.RawMessage, done *deed) {
	message := nats.NewMsg(sceneSubjects + "." + s.link.agent)
	var err error
	message.Data, err = json.Marshal(scene{s.link.instance, s.link.scenes.Add(1), s.device, s.run, s.ticket, state, done})
	if err != nil || s.link.signer.sign(message) != nil {
		return
	}
	_ = s.link.connection.PublishMsg(message)
}

// play says who carries out what people want of an experiment; nil if it is over.
func (l *Link) play(file string, acts chan act) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if acts == nil {
		delete(l.acts, file)
		return
	}
	l.acts[file] = acts
}

// acted receives what a person wants of an experiment.
func (l *Link) acted(message *nats.Msg) {
	var a act
	if !isFrom(l.hub, message) || json.Unmarshal(message.Data, &a) != nil || a.Instance != l.instance {
		l.say("something that a person wanted is rejected: this agent's hub did not sign it, or meant another process")
		return
	}
	l.mu.Lock()
	acts := l.acts[a.File]
	l.mu.Unlock()
	select {
	case acts <- a: // acts is nil if the experiment is over: then the default case is taken
	default:
	}
}
