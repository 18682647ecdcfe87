package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/needwant/needwant/scenarios/hass"
)

// Hass looks at an entity of Home Assistant.
type Hass struct {
	URL     string `yaml:"url" about:"Where Home Assistant is, for example http://192.168.1.5:8123."`
	Entity  string `yaml:"entity" about:"The entity, for example vacuum.s50."`
	Refresh bool   `yaml:"refresh,omitempty" about:"true: have the device polled first. Without that the state may be an old one, and path is unknown."`
}

// HassResult is what an expectation on [Hass] may name.
type HassResult struct {
	State      string         `expr:"state" about:"The entity's state, for example docked; unavailable when the device did not answer the poll."`
	Attributes map[string]any `expr:"attributes" about:"The entity's attributes, for example attributes.battery_level."`
	Path       string         `expr:"path" about:"How the state came: lan (the gateway saw the device answer Home Assistant), cloud (it did not, and talked to the internet) or unknown."`
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
	home := &hass.Client{URL: h.URL, Token: e.Home, HTTP: e.web()}
	return deed{
		kind: hassKind(),
		name: "hass " + h.Entity,
		hide: []func(string) string{e.Home.Conceal},
		run:  func(ctx context.Context) (sight, error) { return h.look(ctx, e, home) },
	}, nil
}

func (h *Hass) look(ctx context.Context, e *Engine, home *hass.Client) (sight, error) {
	started := time.Now()
	path, err := h.watchPath(ctx, e)
	if err != nil {
		return sight{}, fmt.Errorf("watching how the state comes: %w", err)
	}
	if h.Refresh {
		err := home.Refresh(ctx, h.Entity)
		// The integration may fail on account of the device: the state tells.
		if _, server := errors.AsType[*hass.ServerError](err); err != nil && !server {
			return sight{late: ctx.Err() != nil}, err
		}
	}
	state, err := home.State(ctx, h.Entity)
	if err != nil {
		return sight{late: ctx.Err() != nil}, err
	}
	result := HassResult{State: state.State, Attributes: state.Attributes, RTT: milliseconds(time.Since(started))}
	if result.Path, err = path(ctx); err != nil {
		return sight{}, fmt.Errorf("watching how the state came: %w", err)
	}
	saw := fmt.Sprintf("state %q", state.State)
	if result.Path != "unknown" {
		saw += ", path " + result.Path
	}
	return sight{result: result, saw: saw}, nil
}

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
