package scenarios_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/needwant/needwant/scenarios"
	"github.com/needwant/needwant/scenarios/hass"
)

// assistant is a Home Assistant with an integration that polls, in the time of a
// synctest bubble, next to a gateway that counts packets. It defers polls as
// release 2026.11 was seen to: one that is asked for while another is under way,
// or within 10 s of the last that was asked for, is made later; update_entity then
// returns after 15 ms, writes the old state again, and last_reported is now.
type assistant struct {
	alive  func(since time.Duration) bool // the device answers
	up     func(since time.Duration) bool // Home Assistant does; nil always
	runs   func(since time.Duration) bool // it has started; nil always
	mute   bool                           // the integration does not poll, but is told
	cloud  bool                           // it asks the cloud if the device does not answer
	chatty bool                           // the device talks to the internet, whatever it answers
	lazy   bool                           // it writes no state that is as before (always_update=False)
	old    bool                           // a release before 2024.4
	every  time.Duration                  // from the beginning of one poll to that of the next; 0 is pollEvery
	stuck  func(request int) bool         // of a poll, from 0, that a live device does not answer; nil none

	born    time.Time
	polling chan bool // holds an element during a poll; a mutex would stop the bubble's time

	mutex           sync.Mutex
	last            time.Time // when a poll that was asked for began
	asked, answered uint64
	state           string
	changed         time.Time
	reported        time.Time
	requests        []time.Duration // for update_entity
	polls           []time.Duration
}

const (
	pollEvery   = 15 * time.Second // xiaomi_miio's
	pollHangs   = 10 * time.Second // its limit
	tryEach     = 5 * time.Second  // python-miio's
	pollCooling = 10 * time.Second
	perPoll     = 3 // requests
)

func (a *assistant) since() time.Duration { return time.Since(a.born) }

// start begins to poll, until ctx ends.
func (a *assistant) start(ctx context.Context) {
	a.born, a.polling = time.Now(), make(chan bool, 1)
	a.write("unavailable")
	go func() {
		for ctx.Err() == nil {
			if !a.mute && a.running() {
				a.polling <- true
				a.poll(ctx)
				<-a.polling
			} else if a.mute {
				a.write(map[bool]string{true: "docked", false: "unavailable"}[a.alive(a.since())])
			}
			every := cmp.Or(a.every, pollEvery)
			_ = sleepy(ctx, every-a.since()%every)
		}
	}()
}

func (a *assistant) running() bool {
	return (a.up == nil || a.up(a.since())) && (a.runs == nil || a.runs(a.since()))
}

func (a *assistant) count(asked, answered uint64) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.asked += asked
	a.answered += answered
}

// write writes the state, as after every poll that was not deferred.
func (a *assistant) write(state string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if state == a.state && (a.lazy || a.old) {
		return
	}
	a.reported = time.Now()
	if state != a.state {
		a.state, a.changed = state, a.reported
	}
}

// poll makes the requests of one poll. The caller holds polling.
func (a *assistant) poll(ctx context.Context) {
	a.mutex.Lock()
	a.polls = append(a.polls, a.since())
	a.mutex.Unlock()
	limited, cancel := context.WithTimeout(ctx, pollHangs)
	defer cancel()
	for request := range perPoll {
		for answered := false; !answered; {
			a.count(1, 0)
			if a.alive(a.since()) && (a.stuck == nil || !a.stuck(request)) {
				_ = sleepy(limited, 20*time.Millisecond)
				a.count(0, 1)
				answered = true
				continue
			}
			if sleepy(limited, tryEach) == nil {
				continue
			}
			if a.cloud {
				a.write("docked")
			} else {
				a.write("unavailable")
			}
			return
		}
	}
	a.write("docked")
}

// update is update_entity.
func (a *assistant) update(ctx context.Context) {
	a.mutex.Lock()
	a.requests = append(a.requests, a.since())
	soon := time.Since(a.last) < pollCooling && !a.last.IsZero()
	again := a.last.Add(pollCooling)
	a.mutex.Unlock()
	if a.mute {
		return
	}
	if soon || !a.begin() {
		go func() {
			_ = sleepy(ctx, time.Until(again))
			a.polling <- true
			defer func() { <-a.polling }()
			if ctx.Err() == nil {
				a.poll(ctx)
			}
		}()
		_ = sleepy(ctx, 15*time.Millisecond)
		a.rewrite()
		return
	}
	a.mutex.Lock()
	a.last = time.Now()
	a.mutex.Unlock()
	a.poll(ctx)
	<-a.polling
	a.rewrite()
}

// begin reports whether no poll is under way, and begins one then.
func (a *assistant) begin() bool {
	select {
	case a.polling <- true:
		return true
	default:
		return false
	}
}

// rewrite writes the state as it is, which shows in last_reported alone.
func (a *assistant) rewrite() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.reported = time.Now()
}

// at is a Home Assistant whose background work lives as long as ctx.
func (a *assistant) at(ctx context.Context) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		_ = sleepy(r.Context(), 2*time.Millisecond)
		if a.up != nil && !a.up(a.since()) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
		}
		status, body := http.StatusOK, any("[]")
		switch r.URL.Path {
		case "/api/states/vacuum.s50", "/api/states/sensor.s50_battery":
			body = a.shown()
		case "/api/config":
			body = map[string]string{"version": "2026.11.0", "state": map[bool]string{true: "RUNNING", false: "STARTING"}[a.running()]}
		case "/api/services/homeassistant/update_entity":
			done := make(chan bool)
			go func() { defer close(done); a.update(ctx) }()
			select {
			case <-done:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		default:
			status = http.StatusNotFound // it has no WebSocket
		}
		text, err := json.Marshal(body)
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (t roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func (a *assistant) shown() map[string]any {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	state := a.state
	if a.runs != nil && !a.runs(a.since()) {
		state = "unavailable"
	}
	shown := map[string]any{"state": state, "last_changed": a.changed, "last_updated": a.changed}
	if !a.old {
		shown["last_reported"] = a.reported
	}
	return shown
}

// watched is what a gateway sees of it; nothing if it is blind.
func (a *assistant) watched(blind bool) func(context.Context, []netip.Addr) (scenarios.Watch, error) {
	counted := func() (asked, answered uint64) {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		return a.asked, a.answered
	}
	return func(context.Context, []netip.Addr) (scenarios.Watch, error) {
		askedBefore, answeredBefore := counted()
		return scenarios.Watch{Sees: !blind, Since: func(context.Context) (scenarios.Traffic, error) {
			if blind {
				return scenarios.Traffic{Path: "unknown"}, nil
			}
			asked, answered := counted()
			seen := scenarios.Traffic{Path: "unknown", Asked: asked - askedBefore, Answered: answered - answeredBefore}
			seen.Open = seen.Asked > seen.Answered
			switch {
			case seen.Answered > 0:
				seen.Path = "lan"
			case a.cloud || a.chatty:
				seen.Path = "cloud"
			}
			return seen, nil
		}}, nil
	}
}

// engine asks it.
func (a *assistant) engine(ctx context.Context, blind bool) *scenarios.Engine {
	return &scenarios.Engine{
		Home: hass.NewToken("token"), HTTP: &http.Client{Transport: a.at(ctx)}, Path: a.watched(blind),
		Polling: scenarios.Polling{Every: pollEvery, Hangs: pollHangs, Apart: hass.Cooldown},
	}
}

// dialling answers requests over a connection of its own.
func dialling(answer http.RoundTripper) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			_ = serveOnce(theirs, answer)
		}()
		return ours, nil
	}
}

// serveOnce answers one request.
func serveOnce(conn net.Conn, answer http.RoundTripper) error {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	response, err := answer.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	response.ProtoMajor, response.ProtoMinor, response.ContentLength, response.Close = 1, 1, -1, true
	return response.Write(conn)
}
