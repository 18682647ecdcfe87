package hass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/needwant/needwant/internal/span"
)

// socket is a connection to Home Assistant over WebSocket, authenticated. It says
// what the REST API keeps to itself: why a service call failed, and at once when
// a state changes. Use it from one goroutine at a time.
type socket struct {
	conn    *websocket.Conn
	last    int    // id of a command
	follows string // the entity whose changes count
	changed bool   // it has changed since that was last asked
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
	} `json:"data"`
}

// authentication is how long a Home Assistant that runs may take for it. One that
// starts accepts connections, and says nothing.
const authentication = 10 * time.Second

// maxMessage is more than a message that matters takes: a result, or one change.
const maxMessage = 1 << 20

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
	switch {
	case err != nil && response != nil && absent(response.StatusCode):
		return nil, &AbsentError{fmt.Errorf("status %d", response.StatusCode)}
	case err != nil && response != nil:
		return nil, fmt.Errorf("%w: status %d", errNoSocket, response.StatusCode)
	case err != nil:
		return nil, unanswered(ctx, err)
	}
	conn.SetReadLimit(maxMessage)
	s := &socket{conn: conn}
	if err := s.enter(ctx, c.Token); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// enter shows the token, and waits no longer than [authentication].
func (s *socket) enter(ctx context.Context, token Token) error {
	brief, cancel := context.WithTimeout(ctx, authentication)
	defer cancel()
	err := s.authenticate(brief, token)
	if err != nil && brief.Err() != nil && ctx.Err() == nil {
		return &AbsentError{fmt.Errorf("it accepts connections, and has not asked for the token within %s", span.Words(authentication))}
	}
	return err
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
			s.note(said.Event)
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

// call calls a service of the domain homeassistant on entities, and waits until
// it is done.
func (s *socket) call(ctx context.Context, service string, entities ...string) error {
	return s.command(ctx, map[string]any{
		"type": "call_service", "domain": "homeassistant", "service": service,
		"target": map[string]any{"entity_id": target(entities)},
	}, nil)
}

// follow asks to be told of every state that changes, and heeds an entity's.
func (s *socket) follow(ctx context.Context, entity string) error {
	s.follows = entity
	return s.command(ctx, map[string]any{"type": "subscribe_events", "event_type": "state_changed"}, nil)
}

// note keeps whether the entity has changed, and nothing else: a Home Assistant
// may report any number of changes.
func (s *socket) note(event stateEvent) {
	s.changed = s.changed || event.Data.Entity == s.follows
}

// next waits until the entity that is followed has changed since the last call.
func (s *socket) next(ctx context.Context) error {
	for !s.changed {
		said, err := s.read(ctx)
		if err != nil {
			return err
		}
		if said.Type == "event" {
			s.note(said.Event)
		}
	}
	s.changed = false
	return nil
}

// read returns the next message. A connection that breaks off is that of a Home
// Assistant that is not there any more.
func (s *socket) read(ctx context.Context) (said frame, err error) {
	_, message, err := s.conn.Read(ctx)
	if errors.Is(err, websocket.ErrMessageTooBig) {
		return frame{}, fmt.Errorf("Home Assistant sent a message of more than %d bytes", maxMessage) //nolint:staticcheck // a name
	}
	if err != nil {
		return frame{}, unanswered(ctx, err)
	}
	if err := json.Unmarshal(message, &said); err != nil {
		return frame{}, fmt.Errorf("reading what Home Assistant says: %w", err)
	}
	return said, nil
}

func (s *socket) write(ctx context.Context, message any) error {
	if err := wsjson.Write(ctx, s.conn, message); err != nil {
		return unanswered(ctx, err)
	}
	return nil
}

// close ends the connection. What went wrong before is what matters.
func (s *socket) close() { _ = s.conn.CloseNow() }

func (c *Client) base() (*url.URL, error) {
	base, err := url.Parse(c.URL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, &SetupError{What: "Home Assistant's URL is not a web address", Remedy: "write it as in http://192.168.1.5:8123"}
	}
	return base, nil
}

// client is one that leaves the token with Home Assistant: it follows no redirect
// to another server, and uses no proxy of its own accord.
func (c *Client) client() *http.Client {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host || len(via) >= maxRedirects {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &client
}

// maxRedirects is how many redirects are followed; net/http's.
const maxRedirects = 10
