package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// checkAfter refuses unknown ids, circles, and a "when" that means nothing.
func (w World) checkAfter() *flaw {
	for _, id := range w.IDs() {
		d := w.Destinations[id]
		for i, other := range d.After {
			place := keys("destinations", id, "after", strconv.Itoa(i))
			if _, known := w.Destinations[other]; !known {
				return flawAt(place, suggest(other, w.IDs()), "unknown destination %q", other)
			}
			if circle := w.circle(id, other); circle != nil {
				return flawAt(place, "a fallback must begin somewhere: leave one out",
					"after goes round in a circle: %s", strings.Join(append([]string{id}, circle...), " after "))
			}
		}
		if flaw := d.checkWhen(keys("destinations", id, "when")); flaw != nil {
			return flaw
		}
		if flaw := w.checkClock(id); flaw != nil {
			return flaw
		}
	}
	return nil
}

// circle is the shortest way from a destination back to start along after, or
// nil.
func (w World) circle(start, from string) []string {
	trails := [][]string{{from}}
	seen := map[string]bool{from: true}
	for len(trails) > 0 {
		trail := trails[0]
		trails = trails[1:]
		last := trail[len(trail)-1]
		if last == start {
			return trail
		}
		for _, next := range w.Destinations[last].After {
			if !seen[next] {
				seen[next] = true
				trails = append(trails, append(slices.Clone(trail), next))
			}
		}
	}
	return nil
}

func (d Destination) checkWhen(path []string) *flaw {
	if d.When == Always || d.When == AtBoot || slices.Contains(functionNames(), d.When.Use()) {
		return nil
	}
	known := []string{"always", "boot"}
	for _, function := range functionNames() {
		known = append(known, "use:"+function)
	}
	return flawAt(path, suggest(string(d.When), known), "unknown when %q", d.When)
}

// longestEvery bounds a destination's period: a year.
const longestEvery = 8760 * time.Hour

// checkClock refuses a period that no device keeps to, and periods of what is not
// contacted again and again.
func (w World) checkClock(id string) *flaw {
	d := w.Destinations[id]
	at := func(key string) []string { return keys("destinations", id, key) }
	switch {
	case d.Every != 0 && (d.Every < w.Tempo.Contact || d.Every > longestEvery):
		return flawAt(at("every"), fmt.Sprintf("write a time from %s, which is tempo.contact, to 8760h", span.Typed(w.Tempo.Contact)), "every is %s", span.Typed(d.Every))
	case d.Every != 0 && d.When != Always:
		return flawAt(at("every"), "leave every or when out", "with when: %s it has no period", d.When)
	case d.Patience < 0 || d.Patience > 100:
		return flawAt(at("patience"), "write a number from 1 to 100", "patience is %d", d.Patience)
	case !d.atStart() && d.When != Always:
		return flawAt(at("at_start"), "leave at_start or when out", "with when: %s the device has no other time to contact it", d.When)
	case !d.atStart() && len(d.After) > 0:
		return flawAt(at("at_start"), "leave it out", "a fallback is never contacted before another was missed")
	}
	return nil
}

// checkFunctions parses every expression and looks its ids up.
func (w World) checkFunctions() *flaw {
	for _, part := range []struct {
		key       string
		functions Functions
	}{{"functions", w.Functions}, {"boot", w.Boot}, {"late.unless", w.Late.Unless}} {
		for _, function := range functionNames() {
			path := append(strings.Split(part.key, "."), function)
			if flaw := w.checkExpression(path, part.functions.Of(function)); flaw != nil {
				return flaw
			}
		}
	}
	return nil
}

func (w World) checkExpression(path []string, e Expression) *flaw {
	f, wrong := e.parse()
	if wrong != nil {
		return &flaw{Path: path, Inside: true, Column: wrong.column, Message: wrong.message, Remedy: wrong.remedy}
	}
	for _, operand := range f.operands() {
		if d := w.Destinations[operand.id]; path[0] == "boot" && !d.atStart() {
			return &flaw{
				Path: path, Inside: true, Column: operand.column,
				Message: fmt.Sprintf("%q is not contacted at the start", operand.id), Remedy: "leave at_start out, or let functions name it",
			}
		}
		if _, known := w.Destinations[operand.id]; !known {
			return &flaw{
				Path: path, Inside: true, Column: operand.column,
				Message: fmt.Sprintf("unknown destination %q", operand.id), Remedy: suggest(operand.id, w.IDs()),
			}
		}
	}
	return nil
}

// checkWatch refuses a watch that never ends or judges nothing, and what is late
// by nothing.
func (w World) checkWatch() *flaw {
	watch := w.Watch
	switch {
	case w.Late != Late{} && w.Late.By <= 0:
		return flawAt(keys("late"), "write by: 300ms, for example", "late says by how much")
	case watch == Watch{}:
		return nil
	case watch.Every < 10*time.Millisecond || watch.For < watch.Every:
		return flawAt(keys("watch"), "write {every: 100ms, for: 3s, ratio: 0.6}", "a watch needs every (10ms at least) and for (as long at least)")
	case !(watch.Ratio > 0 && watch.Ratio <= 1):
		return flawAt(keys("watch", "ratio"), "write a number above 0, and 1 at most", "%v is not a part of the time", watch.Ratio)
	}
	return nil
}

// checkScenarios refuses unknown ones, and a remote command that could not
// reach the device although its expression holds.
func (w World) checkScenarios() *flaw {
	for i, scenario := range w.Scenarios {
		path := keys("scenarios", strconv.Itoa(i))
		if !slices.Contains(scenarioNames(), scenario) {
			return flawAt(path, suggest(scenario, scenarioNames()), "unknown scenario %q", scenario)
		}
		if slices.Contains(w.Scenarios[:i], scenario) {
			return flawAt(path, "leave one out", "scenario %s is given twice", scenario)
		}
	}
	if slices.Contains(w.Scenarios, RemoteCommand) && !w.commandArrives() {
		return flawAt(keys("functions", "remote"),
			"let it need a tcp destination, or one of udp/8053, that the device contacts always",
			"a command from the cloud has no session to come by")
	}
	return nil
}

// checkAssistant refuses a fallback that could never come to anything.
func (w World) checkAssistant() *flaw {
	path := keys("assistant", "fallback")
	if w.Assistant.Cooldown < 0 || w.Assistant.Cooldown > 10*time.Minute {
		return flawAt(keys("assistant", "cooldown"), "write a time up to 10m", "cooldown is %s", span.Typed(w.Assistant.Cooldown))
	}
	switch {
	case w.Assistant.Fallback == "":
		return nil
	case w.Assistant.Fallback != FromCloud:
		return flawAt(path, suggest(string(w.Assistant.Fallback), []string{string(FromCloud)}), "unknown fallback %q", w.Assistant.Fallback)
	case len(w.Informants()) == 0:
		return flawAt(path, "give the device a tcp destination that it contacts always", "the cloud has no stream by which to know the device's state")
	}
	return nil
}

// Informants are the ids of the destinations by which the cloud knows the
// device's state: the streams that stay open.
func (w World) Informants() (ids []string) {
	for _, id := range w.IDs() {
		if d := w.Destinations[id]; d.Protocol == "tcp" && d.staysOpen() {
			ids = append(ids, id)
		}
	}
	return ids
}

// commandArrives reports whether remote holds only while a session is open that
// the cloud can push a command down. Expressions have no "not", so it is enough
// to look at the case in which everything else is reached.
func (w World) commandArrives() bool {
	f := w.Functions.Remote.mustParse()
	return !f.holds(func(id string) bool { return !w.Destinations[id].carriesCommands() })
}

func (d Destination) carriesCommands() bool {
	return d.staysOpen() && (d.Protocol == "tcp" || d.Port == 8053)
}
