package hass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// socket is a connection to Home Assistant over WebSocket, authenticated. It says
// what the REST API keeps to itself: why a service call failed, and at once when
// a state changes. Use it from one goroutine at a time.
type socket struct {
	conn   *websocket.Conn
	last   int          // id of a command
	events []stateEvent // that came while a result was waited for
}

// frame is a message of the server, as far as it is read.
type frame struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"` // auth_required, auth_ok, auth_invalid, result, event, pong
	Message string          `json:"message"`
	Success bool            `json:"success"`
	Result  json.RawMessage `json:"result"`
	Error   *CommandError   `json:"error"`
	Event   stateEvent      `json:"event"`
}

// stateEvent is a state_changed event, as far as it is read.
type stateEvent struct {
	Data struct {
		Entity string `json:"entity_id"`
		New    *State `json:"new_state"` // nil when the entity was removed
	} `json:"data"`
}

// errNoSocket says that nobody speaks WebSocket there, as behind some proxies.
// What can be done over REST can be done still.
var errNoSocket = errors.New("no WebSocket")

// connect opens a socket and shows the token.
func (c *Client) connect(ctx context.Context) (*socket, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	where := base.JoinPath("/api/websocket").String()
	conn, response, err := websocket.Dial(ctx, where, &websocket.DialOptions{HTTPClient: c.client()}) //nolint:bodyclose // Dial does
	if err != nil && response != nil {
		return nil, fmt.Errorf("%w: status %d", errNoSocket, response.StatusCode)
	}
	if err != nil {
		return nil, unanswered(err)
	}
	conn.SetReadLimit(maxAnswer)
	s := &socket{conn: conn}
	if err := s.authenticate(ctx, c.Token); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) authenticate(ctx context.Context, token Token) error {
	for {
		said, err := s.read(ctx)
		if err != nil {
			return err
		}
		switch said.Type {
		case "auth_required":
			if err := s.write(ctx, map[string]any{"type": "auth", "access_token": token.text()}); err != nil {
				return err
			}
		case "auth_ok":
			return nil
		case "auth_invalid":
			return wrongToken()
		default:
			return fmt.Errorf("where Home Assistant should want a token, it says %q", said.Type)
		}
	}
}

// command gives one and waits for its result, which is read into answer unless
// that is nil. A result that is none is a [*CommandError].
func (s *socket) command(ctx context.Context, command map[string]any, answer any) error {
	s.last++
	command["id"] = s.last
	if err := s.write(ctx, command); err != nil {
		return err
	}
	for {
		said, err := s.read(ctx)
		switch {
		case err != nil:
			return err
		case said.Type == "event":
			s.events = append(s.events, said.Event)
		case said.Type != "result" || said.ID != s.last:
		case !said.Success && said.Error == nil:
			return &CommandError{Code: "unknown_error"}
		case !said.Success:
			return said.Error
		case answer == nil:
			return nil
		default:
			return json.Unmarshal(said.Result, answer)
		}
	}
}

// call calls a service of the domain homeassistant on an entity, and waits until
// it is done.
func (s *socket) call(ctx context.Context, service, entity string) error {
	return s.command(ctx, map[string]any{
		"type": "call_service", "domain": "homeassistant", "service": service,
		"target": map[string]string{"entity_id": entity},
	}, nil)
}

// subscribe asks to be told of every state that changes.
func (s *socket) subscribe(ctx context.Context) error {
	return s.command(ctx, map[string]any{"type": "subscribe_events", "event_type": "state_changed"}, nil)
}

// next waits until an entity's state changes. The state is nil when the entity
// was removed.
func (s *socket) next(ctx context.Context, entity string) (*State, error) {
	for {
		for len(s.events) > 0 {
			event := s.events[0]
			s.events = s.events[1:]
			if event.Data.Entity == entity {
				return event.Data.New, nil
			}
		}
		said, err := s.read(ctx)
		if err != nil {
			return nil, err
		}
		if said.Type == "event" {
			s.events = append(s.events, said.Event)
		}
	}
}

func (s *socket) read(ctx context.Context) (said frame, err error) {
	if err := wsjson.Read(ctx, s.conn, &said); err != nil {
		return frame{}, fmt.Errorf("reading what Home Assistant says: %w", err)
	}
	return said, nil
}

func (s *socket) write(ctx context.Context, message any) error {
	if err := wsjson.Write(ctx, s.conn, message); err != nil {
		return unanswered(err)
	}
	return nil
}

// close ends the connection. What went wrong before is what matters.
func (s *socket) close() { _ = s.conn.CloseNow() }

func (c *Client) base() (*url.URL, error) {
	base, err := url.Parse(c.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, &SetupError{"Home Assistant's URL is no address of the web", "write it as in http://192.168.1.5:8123"}
	}
	return base, nil
}

func (c *Client) client() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}
