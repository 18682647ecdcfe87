package hass

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxAnswer is more than any entity's attributes take.
const maxAnswer = 4 << 20

// Client asks one Home Assistant. It is safe for concurrent use.
type Client struct {
	URL   string       // as "http://192.168.1.5:8123"
	Token Token        // a long-lived access token
	HTTP  *http.Client // its transport decides from where is asked; nil means one without proxies
}

// Cooldown is how far apart a device's polls must be asked for. Home Assistant
// defers a poll that is asked for within 10 s of the one before
// (REQUEST_REFRESH_DEFAULT_COOLDOWN in its helpers/update_coordinator.py), or
// while another one is under way. It then reports success at once and writes the
// old state again.
const Cooldown = 11 * time.Second

// State is what Home Assistant knows of an entity.
type State struct {
	Entity       string         `json:"entity_id"`
	State        string         `json:"state"` // as "docked"; "unavailable" when the device does not answer polls
	Attributes   map[string]any `json:"attributes"`
	LastChanged  time.Time      `json:"last_changed"`  // of State
	LastUpdated  time.Time      `json:"last_updated"`  // of State or Attributes
	LastReported time.Time      `json:"last_reported"` // written at all, by a poll or not; zero before Home Assistant 2024.4
}

// Unavailable is the state of an entity whose device does not answer.
const Unavailable = "unavailable"

// Available reports whether the device answered when it was last polled.
func (s State) Available() bool { return s.State != Unavailable }

// NewerThan reports whether Home Assistant has written the state since the other
// one was read. That does not prove a poll: a deferred one writes the old state
// again. Before version 2024.4 a write that changes nothing does not show: see
// Dated.
func (s State) NewerThan(before State) bool {
	return s.LastReported.After(before.LastReported) || s.LastUpdated.After(before.LastUpdated)
}

// Dated reports whether Home Assistant says when the state was last reported, new
// or not.
func (s State) Dated() bool { return !s.LastReported.IsZero() }

// Config is what Home Assistant says of itself.
type Config struct {
	Version string `json:"version"` // for example "2024.3.3"
	State   string `json:"state"`   // "RUNNING" once it has started; empty in old versions
}

// starts reports whether it is not, or no longer, to be asked about its entities.
// The words are those of CoreState in its core.py.
func (c Config) starts() bool {
	return slices.Contains([]string{"NOT_RUNNING", "STARTING", "STOPPING", "FINAL_WRITE"}, c.State)
}

// State reads an entity's state, as it was after the last poll. While Home
// Assistant starts, entities are missing or unavailable for that reason alone:
// the error is an [*AbsentError] then.
func (c *Client) State(ctx context.Context, entity string) (State, error) {
	if err := CheckEntity(entity); err != nil {
		return State{}, err
	}
	var state State
	err := c.do(ctx, http.MethodGet, "/api/states/"+entity, nil, &state)
	_, mistaken := errors.AsType[*SetupError](err)
	if err != nil && !mistaken || err == nil && state.Available() {
		return state, err
	}
	config, failure := c.Config(ctx)
	if _, absent := errors.AsType[*AbsentError](failure); absent {
		return State{}, failure
	}
	if failure == nil && config.starts() {
		return State{}, &AbsentError{fmt.Errorf("it has not started yet: its state is %q", config.State)}
	}
	return state, err
}

// Refresh makes the entities' integrations poll their devices, and returns when
// they did, or after 10 s, which is Home Assistant's limit. That it succeeds
// means neither that a device has answered nor that it was asked: see [Cooldown].
func (c *Client) Refresh(ctx context.Context, entities ...string) error {
	for _, entity := range entities {
		if err := CheckEntity(entity); err != nil {
			return err
		}
	}
	return c.call(ctx, "update_entity", entities...)
}

// Config reports whether Home Assistant is there and accepts the token.
func (c *Client) Config(ctx context.Context) (Config, error) {
	var config Config
	err := c.do(ctx, http.MethodGet, "/api/config", nil, &config)
	return config, err
}

// CheckEntity reports whether a text is an entity's name, as vacuum.s50; nil when
// it is. It keeps a mistyped one out of the request's path.
func CheckEntity(entity string) *SetupError {
	domain, name, ok := strings.Cut(entity, ".")
	rest := strings.Trim(domain+name, "abcdefghijklmnopqrstuvwxyz0123456789_")
	if !ok || domain == "" || name == "" || rest != "" {
		return &SetupError{What: fmt.Sprintf("%q is not an entity", entity), Remedy: "write domain.name in lower case, as in vacuum.s50"}
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
		return unanswered(ctx, err)
	}
	defer response.Body.Close()
	if err := c.checkStatus(response.StatusCode, path); err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(answer)
	if broken(err) {
		return unanswered(ctx, err)
	}
	if err != nil {
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
		return &SetupError{What: "Home Assistant has banned this address", Remedy: "remove it from ip_bans.yaml and restart Home Assistant"}
	case status == http.StatusNotFound && strings.HasPrefix(path, "/api/states/"):
		entity := strings.TrimPrefix(path, "/api/states/")
		return &SetupError{What: "Home Assistant has no entity " + entity, Remedy: "look up its name under Developer tools, States"}
	case status == http.StatusNotFound:
		return &SetupError{What: "there is no Home Assistant API at " + path, Remedy: "check the URL, and that configuration.yaml has default_config or api", Starting: true}
	case status == http.StatusBadRequest:
		return &SetupError{What: "Home Assistant does not know the request " + path, Remedy: "wait until it has started, and its /api/config says RUNNING", Starting: true}
	case absent(status):
		return &AbsentError{fmt.Errorf("status %d", status)}
	case status >= 300 && status < 400:
		return &SetupError{What: "Home Assistant's URL leads to another server", Remedy: "write the URL that it leads to: the token is not sent there unasked"}
	case status >= 500:
		return &ServerError{Path: path, Message: fmt.Sprintf("status %d", status)}
	}
	return &SetupError{What: fmt.Sprintf("%s answers with status %d", path, status), Remedy: "check that the URL is Home Assistant's own"}
}
