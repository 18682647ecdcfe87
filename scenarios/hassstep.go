package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/needwant/needwant/scenarios/hass"
)

// Hass looks at an entity of Home Assistant.
type Hass struct {
	URL     string        `yaml:"url" about:"Where Home Assistant is, for example http://192.168.1.5:8123."`
	Entity  string        `yaml:"entity" about:"The entity, for example vacuum.s50."`
	Refresh bool          `yaml:"refresh,omitempty" about:"true: have the device polled first. Without that the state may be an old one, and path is unknown."`
	Apart   time.Duration `yaml:"apart,omitempty" about:"How far apart polls are asked for. The default is 11s: Home Assistant puts off what comes sooner. An integration without that may take less."`
}

// HassResult is what an expectation on [Hass] may name.
type HassResult struct {
	State      string         `expr:"state" about:"The entity's state, for example docked; unavailable when the device did not answer the poll."`
	Attributes map[string]any `expr:"attributes" about:"The entity's attributes, for example attributes.fan_speed."`
	Path       string         `expr:"path" about:"How the state came: lan (the gateway saw the device answer Home Assistant), cloud (it did not, and talked to the internet) or unknown."`
	Fresh      bool           `expr:"fresh" about:"Whether the state is certainly of after the poll. Home Assistant says so from version 2024.4 on; before, only path lan proves it."`
	RTT        float64        `expr:"rtt_ms" about:"Milliseconds until the state was there, the poll included."`
}

func hassKind() Kind {
	return Kind{
		Name:    "hass",
		About:   "Looks at an entity of Home Assistant.",
		Fails:   "A Home Assistant that cannot be asked makes the check inconclusive.",
		Example: "{hass: {url: 'http://192.168.1.5:8123', entity: vacuum.s50, refresh: true}, expect: 'state != \"unavailable\" && path == \"lan\"'}",
		New:     func() Action { return new(Hass) },
		Result:  HassResult{},
		Expect:  `state != "unavailable"`,
	}
}

func (h *Hass) check() *ArgumentError {
	where, err := url.Parse(h.URL)
	switch {
	case h.URL == "":
		return wrong("url", "hass needs a url", "write it as http://192.168.1.5:8123")
	case err != nil || (where.Scheme != "http" && where.Scheme != "https") || where.Host == "":
		return wrong("url", "this is no address of the web", "write it as http://192.168.1.5:8123")
	case h.Entity == "":
		return wrong("entity", "hass needs an entity", "write it as vacuum.s50")
	}
	if err := hass.CheckEntity(h.Entity); err != nil {
		return wrong("entity", err.What, err.Remedy)
	}
	return nil
}

func (h *Hass) prepare(e *Engine, _ time.Duration) (deed, error) {
	home := &hass.Client{URL: h.URL, Token: e.Home, HTTP: e.web(), Apart: cmp.Or(h.Apart, e.Apart)}
	return deed{
		kind: hassKind(),
		name: "hass " + h.Entity,
		hide: []func(string) string{e.Home.Conceal},
		run:  func(ctx context.Context) (sight, error) { return h.look(ctx, e, home) },
	}, nil
}

func (h *Hass) look(ctx context.Context, e *Engine, home *hass.Client) (sight, error) {
	started := time.Now()
	state, result, err := h.state(ctx, e, home)
	if err != nil {
		return sight{late: ctx.Err() != nil}, err
	}
	result.State, result.Attributes, result.RTT = state.State, state.Attributes, milliseconds(time.Since(started))
	saw := fmt.Sprintf("state %q", state.State)
	if result.Path != "unknown" {
		saw += ", path " + result.Path
	}
	return sight{result: result, saw: saw}, nil
}

// state is the entity's, after a poll where one is asked for, with what is known
// of how it came.
func (h *Hass) state(ctx context.Context, e *Engine, home *hass.Client) (state hass.State, result HassResult, err error) {
	state, err = home.State(ctx, h.Entity)
	if err != nil || !h.Refresh {
		return state, HassResult{Path: "unknown"}, err
	}
	path, err := h.watchPath(ctx, e)
	if err != nil {
		return state, result, fmt.Errorf("watching how the state comes: %w", err)
	}
	// The integration may fail on account of the device: the state tells.
	err = home.Refresh(ctx, h.Entity)
	if _, server := errors.AsType[*hass.ServerError](err); err != nil && !server {
		return state, result, err
	}
	state, result, err = h.polled(ctx, home, state, path)
	if e.Path != nil && !result.Fresh {
		home.PutOff()
	}
	return state, result, err
}

const (
	postponed = 11 * time.Second       // a poll that is asked for again within 10 s comes that late
	glance    = 250 * time.Millisecond // between two looks for it
)

// polled waits for a state of after the poll. Home Assistant puts polls off that
// it is asked for too often, and says at once that all is done: a state is that of
// the poll when it was written since, or when the gateway saw the device answer.
// An entity that stays unavailable is not written again. Versions before 2024.4 do
// not say when a state was reported: there a poll that went by the cloud is waited
// for as one that is put off.
func (h *Hass) polled(ctx context.Context, home *hass.Client, before hass.State, path func(context.Context) (string, error)) (state hass.State, result HassResult, err error) {
	waiting, stop := context.WithTimeout(ctx, postponed)
	defer stop()
	for late := false; ; late = !pauseUntil(waiting, time.Now().Add(glance)) {
		if late && state.Dated() && state.State != unavailable {
			return state, result, fmt.Errorf("%s was not polled in time: leave refresh out where its integration is told by the device, and does not poll", h.Entity)
		}
		if late {
			return state, result, nil
		}
		if result.Path, err = path(ctx); err != nil {
			return state, result, fmt.Errorf("watching how the state came: %w", err)
		}
		if state, err = home.State(ctx, h.Entity); err != nil {
			return state, result, err
		}
		if result.Fresh = state.NewerThan(before) || result.Path == "lan"; result.Fresh || !state.Dated() && result.Path != "cloud" {
			return state, result, nil
		}
	}
}

// unavailable is the state of an entity whose device does not answer.
const unavailable = "unavailable"

// watchPath has the gateway watch a poll. Without a poll there is nothing to see.
func (h *Hass) watchPath(ctx context.Context, e *Engine) (tell func(context.Context) (string, error), err error) {
	unknown := func(context.Context) (string, error) { return "unknown", nil }
	if e.Path == nil || !h.Refresh {
		return unknown, nil
	}
	where, err := url.Parse(h.URL)
	if err != nil {
		return nil, err
	}
	addresses, err := e.Place.lookup(ctx, where.Hostname())
	if err != nil {
		return nil, err
	}
	return e.Path(ctx, addresses[0])
}
