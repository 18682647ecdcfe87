package labtest

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/needwant/needwant/netns/lab"
)

// imagined is a device that exists in thought: what it reaches once it has
// settled, for any blocked set. The expressions are evaluated by a library, so
// that a mistake in package lab's own evaluator shows. Their ids must be words.
type imagined struct {
	world    lab.World
	regime   Regime
	fault    Fault
	universe []string          // destinations as protocol/port/name
	keys     map[string]string // their ids in the world
	resolver string            // what the device asks for names, if it is a destination
	programs map[string]*vm.Program
}

func (d *imagined) compile() error {
	d.programs = map[string]*vm.Program{}
	for part, functions := range map[string]lab.Functions{
		"steady": d.world.Functions, "boot": d.world.Boot, "prompt": d.world.Late.Unless,
	} {
		for _, function := range []string{lab.Info, lab.Status, lab.Control, lab.Remote} {
			text := string(functions.Of(function))
			if text == "" {
				text = "true"
			}
			program, err := expr.Compile(text, expr.AsBool(), expr.DisableAllBuiltins())
			if err != nil {
				return fmt.Errorf("world %s: %s: %w", d.world.Name, function, err)
			}
			d.programs[part+function] = program
		}
	}
	return nil
}

// ids names the members of a set.
func (d *imagined) ids(s set) []string {
	var ids []string
	for i, id := range d.universe {
		if s.has(i) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// needed lists the functions that a scenario calls.
func needed(scenario string) []string {
	return map[string][]string{
		lab.NativeApp:     {lab.Status, lab.Control},
		lab.InfoOnly:      {lab.Info},
		lab.HomeAssistant: {lab.Status},
		lab.HassLocal:     {lab.Status},
		lab.RemoteCommand: {lab.Remote},
	}[scenario]
}

// passes reports whether a scenario works with a set blocked. A stand-in that falls
// back on the cloud is fooled by it, unless the way is looked at.
func (d *imagined) passes(scenario string, blocked set) (bool, error) {
	if scenario == lab.HomeAssistant && d.fallsBack(blocked) {
		return true, nil
	}
	for _, function := range needed(scenario) {
		if works, err := d.works(function, blocked); !works || err != nil {
			return false, err
		}
	}
	return needed(scenario) != nil, nil
}

// fallsBack reports whether Home Assistant has the state from the vendor's cloud,
// where the device does not tell it.
func (d *imagined) fallsBack(blocked set) bool {
	return d.world.Assistant.Fallback == lab.FromCloud &&
		slices.ContainsFunc(d.world.Informants(), func(key string) bool { return d.reaches(key, blocked) })
}

// isWorse reports whether a scenario that works is slower, or works only some of
// the time.
func (d *imagined) isWorse(scenario string, blocked set) (bool, error) {
	for _, function := range needed(scenario) {
		prompt, err := d.evaluate("prompt"+function, blocked)
		if err != nil || !prompt {
			return true, err
		}
		met, err := d.isMet(function, blocked)
		if err != nil || !met {
			return true, err
		}
	}
	return false, nil
}

// works reports whether a function answers, or answers for enough of its duty cycle.
// A device that hangs does nothing.
func (d *imagined) works(function string, blocked set) (bool, error) {
	if d.hangs(blocked) {
		return false, nil
	}
	met, err := d.isMet(function, blocked)
	up, down := d.world.Duty.Up.Seconds(), d.world.Duty.Down.Seconds()
	return met || up > 0 && d.world.Watch.Ratio > 0 && up/(up+down) >= d.world.Watch.Ratio, err
}

// hangs reports whether the device runs into something that a client of its hangs
// on.
func (d *imagined) hangs(blocked set) bool {
	on, some := map[Fault]lab.Hang{Dropped: lab.OnSilence, NXDomain: lab.OnNoName}[d.fault]
	for i, id := range d.universe {
		destination, known := d.world.Destinations[d.keys[id]]
		if known && some && slices.Contains(destination.Hangs, on) && blocked.has(i) && d.tries(i, blocked) {
			return true
		}
	}
	return false
}

// isMet reports whether a function has what it needs. What must have held at the start is
// looked at as it was then: with nothing blocked in the steady regime.
func (d *imagined) isMet(function string, blocked set) (bool, error) {
	atStart := set(0)
	if d.regime == ColdBoot {
		atStart = blocked
	}
	steady, err := d.evaluate("steady"+function, blocked)
	if err != nil {
		return false, err
	}
	boot, err := d.evaluate("boot"+function, atStart)
	return steady && boot, err
}

func (d *imagined) evaluate(program string, blocked set) (bool, error) {
	reached := map[string]any{}
	for key := range d.world.Destinations {
		reached[key] = d.reaches(key, blocked)
	}
	value, err := expr.Run(d.programs[program], reached)
	if err != nil {
		return false, err
	}
	return value.(bool), nil
}

// reaches reports whether the device has a destination at its disposal.
func (d *imagined) reaches(key string, blocked set) bool {
	destination := d.world.Destinations[key]
	if destination.When == lab.AtBoot && d.regime == Steady {
		blocked = 0 // it keeps the state it got
	}
	return !d.isBlocked(destination.ID(), blocked) && d.resolves(destination, blocked) && d.isAwake(destination, blocked)
}

func (d *imagined) resolves(destination lab.Destination, blocked set) bool {
	return destination.Host == "" || d.resolver == "" || !d.isBlocked(d.resolver, blocked)
}

func (d *imagined) isAwake(destination lab.Destination, blocked set) bool {
	return !slices.ContainsFunc(destination.After, func(other string) bool { return d.reaches(other, blocked) })
}

func (d *imagined) isBlocked(id string, blocked set) bool {
	return blocked.has(slices.Index(d.universe, id))
}

// tries reports whether the device contacts a blocked destination. A destination
// that only a call contacts is tried when some scenario makes that call.
func (d *imagined) tries(i int, blocked set) bool {
	id := d.universe[i]
	if id == d.resolver {
		return true
	}
	destination := d.world.Destinations[d.keys[id]]
	if !d.resolves(destination, blocked) || !d.isAwake(destination, blocked) {
		return false
	}
	switch destination.When {
	case lab.Always:
		return true
	case lab.AtBoot:
		return d.regime == ColdBoot
	}
	return d.calls(destination.When.Use(), blocked)
}

// calls reports whether a trial calls a function: the stand-in polls the status
// whatever is judged, and the app gives its command only after it got the
// status.
func (d *imagined) calls(function string, blocked set) bool {
	judged := func(scenario string) bool { return slices.Contains(d.world.Scenarios, scenario) }
	switch function {
	case lab.Status:
		return true
	case lab.Control:
		works, err := d.works(lab.Status, blocked)
		return judged(lab.NativeApp) && works && err == nil
	case lab.Remote:
		return judged(lab.RemoteCommand)
	}
	return false
}
