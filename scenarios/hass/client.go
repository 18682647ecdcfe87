package hass

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxAnswer is more than any entity's attributes take.
const maxAnswer = 4 << 20

// Client asks one Home Assistant. It is safe for concurrent use.
type Client struct {
	URL   string       // as "http://192.168.1.5:8123"
	Token Token        // a long-lived access token
	HTTP  *http.Client // its transport decides from where is asked; nil means http.DefaultClient

	// Apart is the least time from the end of one Refresh to the next, which waits
	// for it. [Cooldown] is what Home Assistant wants; zero does not wait.
	Apart time.Duration

	refreshing sync.Mutex
	next       time.Time // Refresh waits for it
}

// Cooldown is how far apart a device's polls must be asked for. Home Assistant
// puts a poll off that is asked for within 10 s of the one before
// (REQUEST_REFRESH_DEFAULT_COOLDOWN in its helpers/update_coordinator.py), and
// says at once that all is done, while the state is still the old one.
const Cooldown = 11 * time.Second

// State is what Home Assistant knows of an entity.
type State struct {
	Entity       string         `json:"entity_id"`
	State        string         `json:"state"` // as "docked"; "unavailable" when the device does not answer polls
	Attributes   map[string]any `json:"attributes"`
	LastChanged  time.Time      `json:"last_changed"`  // of State
	LastUpdated  time.Time      `json:"last_updated"`  // of State or Attributes
	LastReported time.Time      `json:"last_reported"` // written at all; zero before Home Assistant 2024.4
}

// NewerThan tells whether Home Assistant has written the state again since.
// Neither proves a poll before version 2024.4, which discards what brings nothing
// new and does not say that it was reported: see Dated.
func (s State) NewerThan(before State) bool {
	return s.LastReported.After(before.LastReported) || s.LastUpdated.After(before.LastUpdated)
}

// Dated tells whether Home Assistant says when the state was last reported, new
// or not.
func (s State) Dated() bool { return !s.LastReported.IsZero() }

// Config is what Home Assistant says of itself.
type Config struct {
	Version string `json:"version"` // as "2024.3.3"
	State   string `json:"state"`   // "RUNNING" once it has started
}

// State reads an entity's state, as it was after the last poll.
func (c *Client) State(ctx context.Context, entity string) (State, error) {
	if err := CheckEntity(entity); err != nil {
		return State{}, err
	}
	var state State
	err := c.do(ctx, http.MethodGet, "/api/states/"+entity, nil, &state)
	return state, err
}

// Refresh makes the entity's integration poll the device, and returns when it
// did, or after 10 s, which is Home Assistant's limit. That it succeeds does
// not mean that the device has answered. Refreshes take place one after another,
// Apart from each other.
func (c *Client) Refresh(ctx context.Context, entity string) error {
	if err := CheckEntity(entity); err != nil {
		return err
	}
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	if err := pauseUntil(ctx, c.next); err != nil {
		return fmt.Errorf("waiting until Home Assistant polls again: %w", err)
	}
	defer func() { c.next = time.Now().Add(c.Apart) }()
	return c.call(ctx, "update_entity", entity)
}

// PutOff says that no poll was seen on the last Refresh, as after somebody else
// asked for one. It takes place when the other's cooldown is over, and begins
// another, so that the next Refresh waits twice as long.
func (c *Client) PutOff() {
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	c.next = c.next.Add(c.Apart)
}

// pauseUntil waits for a time, or returns the error of a context that ends before.
func pauseUntil(ctx context.Context, when time.Time) error {
	timer := time.NewTimer(time.Until(when))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Config tells whether Home Assistant is there and takes the token.
func (c *Client) Config(ctx context.Context) (Config, error) {
	var config Config
	err := c.do(ctx, http.MethodGet, "/api/config", nil, &config)
	return config, err
}

// CheckEntity tells whether a text is an entity's name, as vacuum.s50; nil when
// it is. It keeps a mistyped one out of the request's path.
func CheckEntity(entity string) *SetupError {
	domain, name, ok := strings.Cut(entity, ".")
	rest := strings.Trim(domain+name, "abcdefghijklmnopqrstuvwxyz0123456789_")
	if !ok || domain == "" || name == "" || rest != "" {
		return &SetupError{fmt.Sprintf("%q is no entity", entity), "write domain.name in lower case, as in vacuum.s50"}
	}
	return nil
}

// do asks, and reads the answer into it unless that is nil.
func (c *Client) do(ctx context.Context, method, path string, body, answer any) error {
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	response, err := c.client().Do(request)
	if err != nil {
		return unanswered(err)
	}
	defer response.Body.Close()
	if err := c.checkStatus(response.StatusCode, path); err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("reading Home Assistant's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, base.JoinPath(path).String(), &content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.Token.text())
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// checkStatus says what a status other than success means to the set-up.
func (c *Client) checkStatus(status int, path string) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnauthorized:
		return wrongToken()
	case status == http.StatusForbidden:
		return &SetupError{"Home Assistant has banned this address", "remove it from ip_bans.yaml and restart Home Assistant"}
	case status == http.StatusNotFound && strings.HasPrefix(path, "/api/states/"):
		entity := strings.TrimPrefix(path, "/api/states/")
		return &SetupError{"Home Assistant has no entity " + entity, "look up its name under Developer tools, States"}
	case status == http.StatusNotFound:
		return &SetupError{"there is no Home Assistant API at " + path, "check the URL, and that configuration.yaml has default_config or api"}
	case status == http.StatusBadRequest:
		return &SetupError{"Home Assistant does not know the request " + path, "wait until it has started, and its /api/config says RUNNING"}
	case status >= 500:
		return &ServerError{Path: path, Message: fmt.Sprintf("status %d", status)}
	}
	return &SetupError{fmt.Sprintf("%s answers with status %d", path, status), "check that the URL is Home Assistant's own"}
}
