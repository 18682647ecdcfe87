package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios/hass"
)

// Hass looks at an entity of Home Assistant.
type Hass struct {
	URL     string        `yaml:"url" about:"The URL of Home Assistant, for example http://192.168.1.5:8123."`
	Entity  string        `yaml:"entity" about:"The entity, for example vacuum.s50."`
	Refresh bool          `yaml:"refresh,omitempty" about:"true: Home Assistant polls the device first, and needwant waits for a proof of this poll. If refresh is not set, the state may be an old one, and path is unknown."`
	Apart   time.Duration `yaml:"apart,omitempty" about:"The shortest time between two requests for a poll. The default is 11s: Home Assistant defers a poll that is requested sooner. If your integration does not defer polls, a shorter time is possible."`

	Interval    time.Duration `yaml:"interval,omitempty" about:"How often the integration polls the device by itself. The default is 30s. If the packets do not prove that the device was polled, needwant accepts the state only after interval plus poll_timeout."`
	PollTimeout time.Duration `yaml:"poll_timeout,omitempty" about:"How long one poll of the integration may hang. The default is 10s."`
	Wait        time.Duration `yaml:"wait,omitempty" about:"How long to wait if Home Assistant stops answering, for example during a restart. The default is 5m."`
}

// HassResult is what an expectation on [Hass] may name.
type HassResult struct {
	State      string         `expr:"state" about:"The entity's state, for example docked. It is unavailable if the device did not answer the poll."`
	Attributes map[string]any `expr:"attributes" about:"The entity's attributes, for example attributes.fan_speed."`
	Path       string         `expr:"path" about:"Where the state came from: lan (the gateway saw the device answer Home Assistant), cloud (the gateway saw no answer of the device to Home Assistant, but packets between the device and the internet) or unknown."`
	Fresh      bool           `expr:"fresh" about:"true if the state was certainly written after the poll. With refresh, fresh is always true: a poll that cannot be proved makes the check inconclusive."`
	RTT        float64        `expr:"rtt_ms" about:"How many milliseconds the poll took. If refresh is not set, how many milliseconds it took to read the state."`
}

func hassKind() Kind {
	return Kind{
		Name:    "hass",
		About:   "Reads the state of an entity from Home Assistant.",
		Fails:   "If Home Assistant cannot be reached, needwant waits for it. If Home Assistant does not come back, or does not poll the device, the check is inconclusive.",
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
		return wrong("url", "this is not a web address", "write it as http://192.168.1.5:8123")
	case h.Interval > time.Hour:
		return wrong("interval", "interval is "+span.Typed(h.Interval), "write 1h at most")
	case h.PollTimeout > time.Hour:
		return wrong("poll_timeout", "poll_timeout is "+span.Typed(h.PollTimeout), "write 1h at most")
	case h.Wait > time.Hour:
		return wrong("wait", "wait is "+span.Typed(h.Wait), "write 1h at most")
	case h.Entity == "":
		return wrong("entity", "hass needs an entity", "write it as vacuum.s50")
	}
	if err := hass.CheckEntity(h.Entity); err != nil {
		return wrong("entity", err.What, err.Remedy)
	}
	return nil
}

func (h *Hass) prepare(e *Engine, timeout time.Duration) (deed, error) {
	where, err := url.Parse(h.URL)
	if err != nil {
		return deed{}, errors.New("the url is not an address of the web")
	}
	entity := ""
	if h.Refresh {
		entity = h.Entity
	}
	look := look{
		Hass: h, engine: e, host: where.Hostname(), timeout: timeout,
		home:    &hass.Client{URL: h.URL, Token: e.Home, HTTP: e.web()},
		poller:  e.home().at(h.URL, entity),
		polling: h.polling(e.Polling),
	}
	return deed{
		kind:  hassKind(),
		name:  "hass " + h.Entity,
		hide:  []func(string) string{e.Home.Conceal},
		timed: true,
		run:   look.insist,
	}, nil
}

// polling is the engine's, with what the step says of it.
func (h *Hass) polling(usual Polling) Polling {
	if usual.Every == 0 {
		usual.Every = UsualPolling().Every
	}
	if usual.Hangs == 0 {
		usual.Hangs = UsualPolling().Hangs
	}
	return Polling{Every: cmp.Or(h.Interval, usual.Every), Hangs: cmp.Or(h.PollTimeout, usual.Hangs), Apart: cmp.Or(h.Apart, usual.Apart)}
}

// usual is the timeout of a step that has none: two waits for a poll that packets
// do not prove, and the time until Home Assistant accepts a request for one.
func (h *Hass) usual() time.Duration {
	if !h.Refresh {
		return 0
	}
	polling := h.polling(UsualPolling())
	return 2*polling.certain() + 3*polling.Apart
}

// look is a hass step that can be made.
type look struct {
	*Hass
	engine  *Engine
	host    string
	home    *hass.Client
	poller  *poller
	polling Polling
	timeout time.Duration // of one attempt
}

const (
	usualAbsence = 5 * time.Minute  // what a restart takes on a slow machine
	firstDelay   = time.Second      // until an absent Home Assistant is asked again
	longestDelay = 30 * time.Second // between two such attempts
)

// insist looks, and looks again as long as a Home Assistant is away that was there
// before.
func (l look) insist(ctx context.Context) (sight, error) {
	started := time.Now()
	giveUp := started.Add(cmp.Or(l.Wait, usualAbsence))
	for delay := firstDelay; ; delay = min(2*delay, longestDelay) {
		away := time.Since(started)
		seen, err := l.once(ctx)
		seen.idle += away
		switch next := time.Now().Add(delay); {
		case !l.poller.absent(err) || ctx.Err() != nil:
			return seen, err
		case next.After(giveUp):
			return seen, fmt.Errorf("waited %s for it: %w", span.Words(time.Since(started).Round(time.Second)), err)
		case !pauseUntil(ctx, next):
			return seen, err
		}
	}
}

// once looks in the time of one attempt.
func (l look) once(ctx context.Context) (sight, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	seen, err := l.see(ctx)
	seen.late = err != nil && ctx.Err() != nil
	if err == nil {
		l.poller.present()
	}
	return seen, err
}

func (l look) see(ctx context.Context) (sight, error) {
	if l.Refresh {
		return l.refreshed(ctx)
	}
	started := time.Now()
	state, err := l.home.State(ctx, l.Entity)
	if err != nil {
		return sight{}, err
	}
	return l.sight(state, unknown, time.Since(started)), nil
}

// refreshed is the state after a poll. The time until that is proved is not the
// poll's, and does not count.
func (l look) refreshed(ctx context.Context) (sight, error) {
	addresses, err := l.engine.Place.lookup(ctx, l.host)
	if err != nil {
		return sight{}, err
	}
	p := poll{
		home: l.home, entity: l.Entity, polling: l.polling,
		begin: func(ctx context.Context) (Watch, error) { return l.engine.watch(ctx, addresses) },
	}
	if err := p.open(ctx); err != nil {
		return sight{}, err
	}
	l.poller.present()
	asked := time.Now()
	if err := l.poller.refresh(ctx, l.polling.Apart, &p); err != nil {
		return sight{}, p.unproved(ctx, err)
	}
	took, polled := time.Since(p.began), time.Now()
	state, path, err := p.prove(ctx)
	idle := p.began.Sub(asked) + time.Since(polled)
	if err != nil {
		return sight{idle: idle}, err
	}
	seen := l.sight(state, path, took)
	seen.idle = idle
	if !p.watch.Sees && path == unknown {
		seen.unseen = map[string]any{"path": "lan"}
		seen.whyUnseen = "the gateway cannot see Home Assistant and the device talk to each other, so path is never lan: leave path out, or move Home Assistant to where docs/home-assistant.md says that it can"
	}
	return seen, nil
}

func (l look) sight(state hass.State, path string, took time.Duration) sight {
	saw := fmt.Sprintf("state %q", state.State)
	if path != unknown {
		saw += ", path " + path
	}
	return sight{
		result: HassResult{State: state.State, Attributes: state.Attributes, Path: path, Fresh: l.Refresh, RTT: milliseconds(took)},
		saw:    saw,
	}
}
