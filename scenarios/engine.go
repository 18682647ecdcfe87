package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/scenarios/hass"
	"github.com/needwant/needwant/scenarios/miio"
)

// Engine stands at one place in the network and makes scenarios that act from
// there. What its specs do not use may be left out.
type Engine struct {
	Place  Place
	Device *miio.Client // asks the device
	Home   hass.Token   // for all Home Assistants
	HTTP   *http.Client // for Home Assistant and the web; nil means one that dials from Place

	// Polling is how Home Assistant polls the device, for steps that do not say.
	// Its zero times are the usual ones, except for Apart, which is none.
	Polling Polling

	// Folder is where secrets in files, and programs, are looked for.
	Folder string

	// Environment tells Ginkgo suites of the device, as "NAME=value"; conceal takes
	// its secrets out of what they say.
	Environment []string
	conceal     []func(string) string

	// Path watches how a controller, which has these addresses, gets the device's
	// state. Nil sees nothing.
	Path func(ctx context.Context, controller []netip.Addr) (Watch, error)

	// Ask puts a question to a person and returns the answer. Nil: nobody is there.
	Ask Asker

	// Restart power-cycles the device in a place that can, as a lab. Nil: none.
	Restart func(ctx context.Context) error

	pace  *pace  // of what it asks on the internet
	turns *turns // of checks that exclude each other
	homes *homes // that poll the device; nil until the first step needs one
}

// Scenario makes a spec into a scenario. The error is a [*StepError] when it is
// about a step.
func (e *Engine) Scenario(spec Spec) (harness.Scenario, error) {
	if err := spec.check(); err != nil {
		return harness.Scenario{}, err
	}
	script, err := e.script(spec)
	if err != nil {
		return harness.Scenario{}, err
	}
	info := spec.Info()
	scenario := harness.Scenario{Name: info.Name, Title: info.Title, Vantage: info.Vantage, Person: info.Person, Check: script.check}
	if spec.During == continuous {
		watch, err := watching(spec, script.check)
		if err != nil {
			return harness.Scenario{}, err
		}
		scenario.Watch = watch.run
	}
	return scenario, nil
}

// script makes the steps of a spec ready.
func (e *Engine) script(spec Spec) (script, error) {
	script := script{retry: spec.Retry, pace: e.pace, turns: e.turns, claim: claim{alone: spec.Alone}}
	err := spec.eachStep(func(step Step, parts compiled) (string, error) {
		do := step.Do
		if prompt, ok := do.(*Prompt); ok {
			do = prompt.expecting(step.Expect)
		}
		deed, err := do.prepare(e, step.Timeout)
		script.steps = append(script.steps, ready{deed, parts, step.Timeout, step.Always, asked(step.Do)})
		script.claim.add(deed.claim)
		return "do", err
	})
	return script, err
}

// compiled is what a step expects and saves.
type compiled struct {
	expect condition
	save   map[string]condition
}

// lasting is an action that takes its time, whatever comes of it.
type lasting interface{ least() time.Duration }

// patient is an action whose attempts may take longer than those of others.
type patient interface{ usual() time.Duration }

// eachStep checks and compiles each step, with its defaults filled in, and hands
// it on. The error, also that of use, is a [*StepError] with its part.
func (s Spec) eachStep(use func(step Step, parts compiled) (part string, err error)) error {
	var saved []string
	for i, step := range s.Steps {
		part, err := s.oneStep(step, &saved, use)
		if err != nil {
			return &StepError{Scenario: s.Name, Step: i + 1, Part: part, Err: err}
		}
	}
	return nil
}

func (s Spec) oneStep(step Step, saved *[]string, use func(Step, compiled) (string, error)) (part string, err error) {
	if step.Do == nil {
		return "do", errors.New("it does nothing")
	}
	if mistake := step.Do.check(); mistake != nil {
		return "do", mistake
	}
	kind := kindOf(step.Do)
	if step.Expect == "" {
		step.Expect = kind.Expect
	}
	if step.Timeout <= 0 {
		step.Timeout = s.Timeout
	}
	if patient, ok := step.Do.(patient); ok && step.Timeout <= 0 {
		step.Timeout = patient.usual()
	}
	if step.Timeout <= 0 {
		step.Timeout = defaultTimeout
	}
	if slow, ok := step.Do.(lasting); ok && slow.least() >= step.Timeout {
		return "do", wrong("", fmt.Sprintf("%s takes %s, and a step %s at most", kind.Name, span.Typed(slow.least()), span.Typed(step.Timeout)),
			fmt.Sprintf("write timeout: %s beside it", span.Typed(2*slow.least())))
	}
	parts := compiled{save: map[string]condition{}}
	if parts.expect, err = expecting(step.Expect, kind, *saved); err != nil {
		return "expect", err
	}
	for _, name := range slices.Sorted(maps.Keys(step.Save)) {
		if parts.save[name], err = saving(step.Save[name], kind, *saved); err != nil {
			return "save." + name, err
		}
	}
	*saved = append(*saved, slices.Sorted(maps.Keys(step.Save))...)
	return use(step, parts)
}

// web is the client for Home Assistant and the web.
func (e *Engine) web() *http.Client {
	if e.HTTP != nil {
		return e.HTTP
	}
	return e.Place.web()
}

// home are the Home Assistants that poll the device.
func (e *Engine) home() *homes {
	if e.homes == nil {
		e.homes = &homes{}
	}
	return e.homes
}

// reveal reads what a text points at, where it does, and else returns it.
func (e *Engine) reveal(text string) (string, error) {
	if !pointsElsewhere(text) {
		return text, nil
	}
	return Secret(text).Read(e.Folder)
}
