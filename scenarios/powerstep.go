package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios/hass"
)

// Power switches the device off and, after a while, on again.
type Power struct {
	Hass   string        `yaml:"hass,omitempty" about:"A switch entity of Home Assistant, for example switch.s50_plug. Its Home Assistant is the one in url."`
	URL    string        `yaml:"url,omitempty" about:"The URL of the switch's Home Assistant. The default is the url of the first hass step in the spec."`
	HTTP   *Toggle       `yaml:"http,omitempty" about:"Two URLs to which a POST request is sent, {off: URL, on: URL}. If a URL contains a secret: env:NAME or file:PATH."`
	Exec   *Toggle       `yaml:"exec,omitempty" about:"Two command lines, split at spaces, {off: 'plug off', on: 'plug on'}."`
	Prompt string        `yaml:"prompt,omitempty" about:"Asks a person, in these words, to switch the device off and on."`
	Off    time.Duration `yaml:"off,omitempty" about:"How long the device stays off. The default is 10s."`
}

// Toggle is how to switch off and on.
type Toggle struct {
	Off string `yaml:"off" about:"To switch off."`
	On  string `yaml:"on" about:"To switch on."`
}

// PowerResult is what an expectation on [Power] may name.
type PowerResult struct {
	Off float64 `expr:"off_s" about:"How many seconds the device was off."`
}

const (
	usualOff       = 10 * time.Second
	usualSwitching = time.Minute // off, or on
)

func powerKind() Kind {
	return Kind{
		Name:    "power",
		About:   "Switches the device off and on again. In a lab, a power step without arguments uses the lab's own switch. The timeout covers switching off and the time that the device stays off (off). Then switching on may take as long as the timeout again. If no timeout is given, it is 1m longer than the time that the device stays off, or 10m longer if a person switches.",
		Fails:   "If the switch cannot be operated, the check is inconclusive. This step never counts as a failure of the device. The device is always switched on again.",
		Example: "{power: {hass: switch.s50_plug, off: 10s}, timeout: 1m}",
		New:     func() Action { return new(Power) },
		Result:  PowerResult{},
		Expect:  "true",
	}
}

func (p *Power) check() *ArgumentError {
	ways := 0
	for _, given := range []bool{p.Hass != "", p.HTTP != nil, p.Exec != nil, p.Prompt != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return wrong("", "power has more than one way to switch", "leave one of hass, http, exec and prompt")
	case p.Off > time.Hour:
		return wrong("off", "off is "+span.Typed(p.Off), "write 1h at most")
	case p.HTTP != nil:
		return p.HTTP.checkURLs()
	case p.Exec != nil:
		return p.Exec.check("exec", func(line string) bool { return len(strings.Fields(line)) > 0 })
	case p.Hass != "":
		if err := hass.CheckEntity(p.Hass); err != nil {
			return wrong("hass", err.What, err.Remedy)
		}
	}
	return nil
}

func (t *Toggle) check(key string, good func(string) bool) *ArgumentError {
	switch {
	case !good(t.Off):
		return wrong(key+".off", "there is no way to switch off", "write both off and on")
	case !good(t.On):
		return wrong(key+".on", "there is no way to switch on", "write both off and on")
	}
	return nil
}

// checkURLs refuses what is not a URL, and a secret that is written out.
func (t *Toggle) checkURLs() *ArgumentError {
	for key, url := range map[string]string{"http.off": t.Off, "http.on": t.On} {
		mistake := (&HTTP{URL: url}).checkURL()
		if mistake != nil && mistake.secret {
			mistake.Argument = key
			return mistake
		}
	}
	return t.check("http", func(url string) bool { return url != "" && (&HTTP{URL: url}).checkURL() == nil })
}

func (p *Power) prepare(e *Engine, timeout time.Duration) (deed, error) {
	turn, err := p.turner(e)
	if err != nil {
		return deed{}, err
	}
	return deed{
		kind:  powerKind(),
		name:  "power off and on",
		claim: claim{alone: true}, // no other scenario may find the device switched off
		hide:  []func(string) string{e.Home.Conceal},
		timed: true,
		run:   func(ctx context.Context) (sight, error) { return p.cycle(ctx, turn, timeout) },
	}, nil
}

// turner is what switches off and on. What is switched off is always switched
// on again.
func (p *Power) turner(e *Engine) (turn func(ctx context.Context, on bool) error, err error) {
	switch {
	case p.Hass != "":
		return p.turnByHass(e)
	case p.HTTP != nil:
		return p.turnByHTTP(e)
	case p.Exec != nil:
		return p.turnByProgram(e), nil
	case p.Prompt != "" && e.Ask == nil:
		return nil, errors.New("nobody is there to switch the device: run it on a terminal, or give power another way than prompt")
	case p.Prompt != "":
		return p.turnByHand(e), nil
	case e.Restart == nil:
		return nil, errors.New("power needs a way to switch: write hass, http, exec or prompt")
	}
	return func(ctx context.Context, on bool) error {
		if !on {
			return nil // the lab's switch does both at once
		}
		return e.Restart(ctx)
	}, nil
}

func (p *Power) least() time.Duration {
	if p.byItself() || p.Off > 0 {
		return p.Off
	}
	return usualOff
}

// usual is the timeout of a step that has none.
func (p *Power) usual() time.Duration {
	if p.Prompt != "" {
		return thinking + p.least()
	}
	return usualSwitching + p.least()
}

// cycle switches off, waits, and switches on again. Switching off and the wait
// may take as long as the timeout together, and so may switching on.
func (p *Power) cycle(ctx context.Context, turn func(ctx context.Context, on bool) error, timeout time.Duration) (_ sight, err error) {
	began := time.Now()
	off, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	failure := overdue(off, timeout, turn(off, false))
	waited := failure == nil && pauseUntil(off, time.Now().Add(p.least()))
	// On again whatever happened meanwhile: a switch that failed may have switched.
	on, cancel := outlasting(ctx, timeout)
	defer cancel()
	if err := overdue(on, timeout, turn(on, true)); err != nil {
		return sight{late: on.Err() != nil}, fmt.Errorf("the device may be off now, switch it on: %w", errors.Join(failure, err))
	}
	if failure != nil {
		return sight{late: off.Err() != nil}, fmt.Errorf("switching off: %w", failure)
	}
	if !waited {
		return sight{late: true}, fmt.Errorf("stopped after %s, and switched on again", span.Words(time.Since(began).Round(time.Millisecond)))
	}
	seconds := time.Since(began).Seconds()
	return sight{result: PowerResult{seconds}, saw: fmt.Sprintf("off for %.1f s", seconds)}, nil
}

// overdue says of an error that the limit of ctx caused it, if it did. Such an
// error is not one of package context, since its reader can change the limit.
func overdue(ctx context.Context, limit time.Duration, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("not done within %s, which timeout can change: %v", span.Words(limit), err) //nolint:errorlint // on purpose, see above
}

// outlasting is a context that goes on after ctx, for what must be put back:
// until the limit, or [grace] after ctx is cancelled.
func outlasting(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// byItself reports whether a lab's switch is used, which needs no time.
func (p *Power) byItself() bool {
	return p.Hass == "" && p.HTTP == nil && p.Exec == nil && p.Prompt == ""
}

// homeless reports whether its Home Assistant is that of the file.
func (p *Power) homeless() bool { return p.Hass != "" && p.URL == "" }

func (p *Power) turnByHass(e *Engine) (func(context.Context, bool) error, error) {
	if p.URL == "" {
		return nil, errors.New("power by hass needs a url: write it as http://192.168.1.5:8123")
	}
	home := &hass.Client{URL: p.URL, Token: e.Home, HTTP: e.web()}
	return func(ctx context.Context, on bool) error { return switchBy(ctx, home, p.Hass, on) }, nil
}

// switchBy switches, and again if Home Assistant is away meanwhile.
func switchBy(ctx context.Context, home *hass.Client, entity string, on bool) error {
	for delay := firstDelay; ; delay = min(2*delay, longestDelay) {
		err := home.Turn(ctx, entity, on)
		if _, absent := errors.AsType[*hass.AbsentError](err); !absent || !pauseUntil(ctx, time.Now().Add(delay)) {
			return err
		}
	}
}

func (p *Power) turnByHTTP(e *Engine) (func(context.Context, bool) error, error) {
	posts := map[bool]deed{}
	for _, on := range []bool{false, true} {
		post, err := (&HTTP{URL: p.HTTP.of(on), Method: "POST"}).prepare(e, 0)
		if err != nil {
			return nil, err
		}
		posts[on] = post
	}
	return func(ctx context.Context, on bool) error {
		post := posts[on]
		seen, err := post.run(ctx)
		if err != nil {
			return errors.New(post.conceal(err.Error()))
		}
		answer, ok := seen.result.(HTTPResult)
		if !ok || answer.Status >= 300 {
			return fmt.Errorf("the switch says %s", shorten(post.conceal(seen.saw+seen.failure)))
		}
		return nil
	}, nil
}

func (p *Power) turnByProgram(e *Engine) func(context.Context, bool) error {
	return func(ctx context.Context, on bool) error {
		line := strings.Fields(p.Exec.of(on))
		command, run := e.Place.command(ctx, line[0], line[1:]...)
		command.Dir = e.Folder
		killAll(command)
		if err := run(); err != nil {
			return fmt.Errorf("%s: %w", line[0], err)
		}
		return nil
	}
}

func (p *Power) turnByHand(e *Engine) func(context.Context, bool) error {
	return func(ctx context.Context, on bool) error {
		word := "off"
		if on {
			word = "on"
		}
		_, err := e.Ask(ctx, Question{Text: fmt.Sprintf("%s: switch it %s, then press Enter", p.Prompt, word)})
		return err
	}
}

func (t *Toggle) of(on bool) string {
	if on {
		return t.On
	}
	return t.Off
}
