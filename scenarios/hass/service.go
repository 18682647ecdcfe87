package hass

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// call calls a service of the domain homeassistant on entities, and returns when
// it is done. Over WebSocket Home Assistant says why it failed; REST is for
// proxies that allow no WebSocket.
func (c *Client) call(ctx context.Context, service string, entities ...string) error {
	s, err := c.connect(ctx)
	if errors.Is(err, errNoSocket) {
		return c.post(ctx, service, entities...)
	}
	if err != nil {
		return err
	}
	defer s.close()
	return meaning(s.call(ctx, service, entities...))
}

func (c *Client) post(ctx context.Context, service string, entities ...string) error {
	return c.do(ctx, http.MethodPost, "/api/services/homeassistant/"+service, map[string]any{"entity_id": target(entities)}, nil)
}

// target is one entity as its name, and several as a list.
func target(entities []string) any {
	if len(entities) == 1 {
		return entities[0]
	}
	return entities
}

// meaning says what a failed command means to the set-up.
func meaning(err error) error {
	failed, ok := errors.AsType[*CommandError](err)
	switch {
	case !ok:
		return err
	case failed.Code == "unauthorized":
		return &SetupError{What: "Home Assistant does not let the token's user do that", Remedy: "make the token as an administrator"}
	case failed.Code == "not_found":
		return &SetupError{What: "Home Assistant does not know what was asked for: " + failed.Message, Remedy: "wait until it has started, and its /api/config says RUNNING", Starting: true}
	}
	return &ServerError{Path: "call_service", Message: failed.Error()}
}

// pause is between two looks at a switch of which nothing else tells.
const pause = 500 * time.Millisecond

// Turn switches a switch, a light or the like on or off, and returns when its
// state says so, or when ctx ends. A call that succeeds proves nothing.
func (c *Client) Turn(ctx context.Context, entity string, on bool) error {
	if _, err := c.State(ctx, entity); err != nil {
		return err // a call would succeed though there is no such entity
	}
	wanted := "off"
	if on {
		wanted = "on"
	}
	changed, end, err := c.turn(ctx, entity, "turn_"+wanted)
	if err != nil {
		return err
	}
	defer end()
	return c.await(ctx, entity, wanted, changed)
}

func (c *Client) await(ctx context.Context, entity, wanted string, changed func(context.Context) error) error {
	for {
		state, err := c.State(ctx, entity)
		if err != nil {
			return err
		}
		if state.State == wanted {
			return nil
		}
		if err := changed(ctx); err != nil {
			return fmt.Errorf("%s was told to turn %s, and is %q: does it work when you switch it in Home Assistant? %w", entity, wanted, state.State, err)
		}
	}
}

// turn calls the service. The function that it returns waits until the state may
// have changed; end is to be called at last.
func (c *Client) turn(ctx context.Context, entity, service string) (changed func(context.Context) error, end func(), err error) {
	s, err := c.connect(ctx)
	if errors.Is(err, errNoSocket) {
		return func(ctx context.Context) error { return span.Wait(ctx, pause) }, func() {}, c.post(ctx, service, entity)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(s.follow(ctx, entity), meaning(s.call(ctx, service, entity))); err != nil {
		s.close()
		return nil, nil, err
	}
	return s.next, s.close, nil
}
