package lab

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/scenarios/miio"
)

// assistant stands in for Home Assistant: it polls the device's reads over miIO
// from its own address, and shows the device as an entity by the same REST calls
// as the real one, and over the same WebSocket: see [caller]. A poll that fails
// makes the entity unavailable until one succeeds; in a world that says so it asks
// the vendor's cloud first, as some integrations do without a word.
//
// update_entity polls, and returns when that is done. As in Home Assistant, one
// that comes while a poll is under way, or too soon after the last, is deferred:
// it writes the old state again and returns at once.
type assistant struct {
	bearer   string
	poll     time.Duration
	cooldown time.Duration
	asker    *asker
	cloud    *http.Client // to fall back on; nil: none

	namespace *netns.Namespace
	server    *http.Server
	end       context.CancelFunc
	work      sync.WaitGroup

	polling sync.Mutex    // held during a poll: they do not overlap
	wanted  chan struct{} // full when a deferred poll is due

	mu        sync.Mutex
	starting  bool      // it serves its API, and has not set up its integrations yet
	asked     time.Time // when the last poll ended that update_entity made
	entity    entity
	listeners []chan change
}

// The stand-in's place and its one entity.
const (
	assistantPort = "8123"
	entityID      = "vacuum.device"
)

// unavailable is the state of an entity whose last poll failed.
const unavailable = "unavailable"

// entity is the part of a state that the stand-in keeps. The field names are
// those of Home Assistant's REST API.
type entity struct {
	ID         string         `json:"entity_id"`
	State      string         `json:"state"`
	Attributes map[string]any `json:"attributes"`
	Changed    time.Time      `json:"last_changed"`
	Reported   time.Time      `json:"last_reported"`
	Updated    time.Time      `json:"last_updated"`
	Context    fields         `json:"context"`
}

func openAssistant(w World, namespace *netns.Namespace, token miio.Token) (*assistant, error) {
	device := netip.AddrPortFrom(netip.MustParseAddr(deviceV4), miio.DefaultPort)
	a := &assistant{
		bearer:    rand.Text(),
		poll:      w.Tempo.Poll,
		cooldown:  w.Assistant.Cooldown,
		namespace: namespace,
		wanted:    make(chan struct{}, 1),
		asker:     &asker{dial: namespace.Dial, device: device, token: token, wait: tryFor(w.Tempo.Poll) + w.Late.By},
		entity: entity{
			ID: entityID, State: unavailable, Attributes: attributed(nil), Context: noContext(),
			Changed: time.Now(), Updated: time.Now(), Reported: time.Now(),
		},
	}
	if w.Assistant.Fallback == FromCloud {
		a.cloud = &http.Client{
			Transport: &http.Transport{DialContext: namespace.Dial, DisableKeepAlives: true},
			Timeout:   cloudPatience,
		}
	}
	if err := a.open(); err != nil {
		return nil, err
	}
	return a, nil
}

// cloudPatience is how long the vendor's cloud is waited for.
const cloudPatience = 500 * time.Millisecond

// hangs is the longest that the device is waited for.
func (a *assistant) hangs() time.Duration { return tries * a.asker.wait }

// every is the longest from the beginning of one poll to that of the next, of
// a device that answers.
func (a *assistant) every() time.Duration {
	if a.cloud != nil {
		return a.poll + cloudPatience
	}
	return a.poll
}

// open begins to serve and to poll.
func (a *assistant) open() error {
	listener, err := a.namespace.Listen(context.Background(), "tcp", net.JoinHostPort(assistantV4, assistantPort))
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	a.server = &http.Server{Handler: a.handler(ctx), ReadHeaderTimeout: 10 * time.Second}
	a.work.Go(func() { _ = a.server.Serve(listener) })
	a.work.Go(func() { a.keepPolling(ctx) })
	return nil
}

// restart is away for a while, and then serves its API for another while before
// its integrations are set up.
func (a *assistant) restart(ctx context.Context, away, starting time.Duration) error {
	a.close()
	a.show(unavailable, nil)
	a.start(true)
	rest(ctx, away)
	if err := a.open(); err != nil {
		return err
	}
	rest(ctx, starting)
	a.start(false)
	return ctx.Err()
}

func (a *assistant) start(begins bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starting = begins
}

func (a *assistant) isStarting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.starting
}

// tryFor is how long one try of a request may take: a third of the poll's time,
// for there are three; python-miio's 5 s at most, and enough for a busy machine.
func tryFor(poll time.Duration) time.Duration {
	return min(max(poll/tries, 150*time.Millisecond), 5*time.Second)
}

func (a *assistant) close() {
	a.mu.Lock() // see enter
	a.end()
	a.mu.Unlock()
	_ = a.server.Close()
	a.work.Wait()
}

func (a *assistant) keepPolling(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		if !a.isStarting() {
			a.polling.Lock()
			a.pollNow(ctx)
			a.polling.Unlock()
		}
		select {
		case <-time.After(a.poll - time.Since(began)):
		case <-a.wanted:
		case <-ctx.Done():
		}
	}
}

// reads are those of one poll by python-miio 0.5.12, the library behind Home
// Assistant's integration.
func reads() []miio.Request {
	empty, blank := json.RawMessage(`[]`), json.RawMessage(`[""]`)
	return []miio.Request{
		{Method: "get_status", Params: empty},
		{Method: "get_timer", Params: blank},
		{Method: "get_timezone", Params: empty},
		{Method: "get_dnd_timer", Params: empty},
		{Method: "get_clean_summary", Params: empty},
		{Method: "get_clean_record", Params: json.RawMessage(`[1488240000]`)},
		{Method: "get_consumable", Params: empty},
		{Method: "get_clean_summary", Params: empty},
	}
}

// pollNow polls once and sets the entity's state by what comes of it. The caller
// holds polling.
func (a *assistant) pollNow(ctx context.Context) {
	status, err := a.readAll(ctx)
	if err != nil {
		status, err = a.fallBack(ctx, err)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.show(unavailable, nil)
	default:
		a.show(describe(status))
	}
}

// readAll makes the requests of one poll, and returns the status.
func (a *assistant) readAll(ctx context.Context) (status json.RawMessage, err error) {
	for i, request := range reads() {
		result, err := a.asker.ask(ctx, request)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			status = result
		}
	}
	return status, nil
}

// fallBack asks the vendor's cloud for the status. If there is no fallback,
// what went wrong before remains.
func (a *assistant) fallBack(ctx context.Context, failure error) (status json.RawMessage, err error) {
	if a.cloud == nil || ctx.Err() != nil {
		return nil, failure
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cloudV4+"/state", nil)
	if err != nil {
		return nil, err
	}
	answer, err := a.cloud.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the cloud says %s: %w", answer.Status, failure)
	}
	return io.ReadAll(answer.Body)
}

// describe turns a get_status into the state and attributes of a vacuum entity.
func describe(status json.RawMessage) (string, map[string]any) {
	var results []struct {
		State, Battery int
		Fan            int `json:"fan_power"`
	}
	if json.Unmarshal(status, &results) != nil || len(results) == 0 {
		return unavailable, nil
	}
	words := map[int]string{idle: "idle", cleaning: "cleaning", returning: "returning", charging: "docked", paused: "paused", 100: "docked"}
	state, known := words[results[0].State]
	if !known {
		state = "error"
	}
	return state, map[string]any{"battery_level": results[0].Battery, "fan_speed": results[0].Fan}
}

// show writes the entity's state, and tells the change to those who follow it. As
// in Home Assistant, writing what is there already changes nothing but the time
// of the report.
func (a *assistant) show(state string, attributes map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, now := a.entity, time.Now()
	attributes = attributed(attributes)
	a.entity.Reported = now
	if state == before.State && reflect.DeepEqual(attributes, before.Attributes) {
		return
	}
	a.entity.State, a.entity.Attributes, a.entity.Updated = state, attributes, now
	if state != before.State {
		a.entity.Changed = now
	}
	for _, listener := range a.listeners {
		select {
		case listener <- change{before, a.entity}:
		default: // a listener that is not ready misses it
		}
	}
}

// attributed adds the attribute that every entity has.
func attributed(attributes map[string]any) map[string]any {
	if attributes == nil {
		attributes = map[string]any{}
	}
	attributes["friendly_name"] = "Device"
	return attributes
}

// now is the entity as it is.
func (a *assistant) now() entity {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entity
}

// update polls for entities that are its own, or defers that.
func (a *assistant) update(ctx context.Context, entities []string) {
	if !slices.Contains(entities, entityID) || a.isStarting() {
		return
	}
	if wait := a.cooling(); wait > 0 {
		a.putOff(wait)
		return
	}
	if !a.polling.TryLock() {
		a.putOff(0)
		return
	}
	defer a.polling.Unlock()
	a.pollNow(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Now()
}

// cooling is how long the next request for a poll is deferred; 0 if it is not.
func (a *assistant) cooling() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(0, a.cooldown-time.Since(a.asked))
}

// putOff has the device polled later, and writes the old state again.
func (a *assistant) putOff(wait time.Duration) {
	time.AfterFunc(wait, func() {
		select {
		case a.wanted <- struct{}{}:
		default:
		}
	})
	now := a.now()
	a.show(now.State, now.Attributes)
}

// handler serves until ctx ends; it is what ends the WebSockets.
func (a *assistant) handler(ctx context.Context) http.Handler {
	handler := http.NewServeMux()
	handler.HandleFunc("GET /api/{$}", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"message": "API running."})
	})
	handler.HandleFunc("GET /api/config", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, a.config())
	})
	handler.HandleFunc("GET /api/states/{entity}", a.serveState)
	handler.HandleFunc("POST /api/services/homeassistant/update_entity", a.serveUpdate)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/websocket" { // it asks for the token itself
			a.serveSocket(ctx, w, r)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+a.bearer {
			http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func (a *assistant) serveState(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("entity") != entityID {
		answerJSON(w, http.StatusNotFound, map[string]string{"message": "Entity not found."})
		return
	}
	answerJSON(w, http.StatusOK, a.now())
}

// serveUpdate polls before it answers. As in Home Assistant, the call succeeds
// even when the poll does not.
func (a *assistant) serveUpdate(w http.ResponseWriter, r *http.Request) {
	var call entityCall
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&call); err != nil {
		answerJSON(w, http.StatusBadRequest, map[string]string{"message": "Data should be valid JSON."})
		return
	}
	a.update(r.Context(), call.Entity)
	answerJSON(w, http.StatusOK, []entity{})
}

func answerJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}
