package harness_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// formula is a device by its truth: what each of its scenarios needs, over
// what is reachable.
type formula struct {
	contacts  []string          // tried all the time
	fallbacks map[string]string // tried only while another one is blocked
	scenarios map[string]func(reached func(string) bool) bool
	groups    [][]string // what the first scenario needs one each of, if that is said so
	content   []string   // with a stand-in
	deaf      []string   // to other addresses for their names
	heard     string     // is known by its name, but never looked up
	leased    []string   // content with the time server that DHCP names
}

// lane carries out trials on a formula. after, when set, may change a result
// before it is handed back.
type lane struct {
	device formula
	after  func(*harness.Result)
	asked  []harness.Trial
}

func (l *lane) Run(ctx context.Context, trial harness.Trial) (harness.Result, error) {
	l.asked = append(l.asked, trial)
	barred := map[harness.Destination]bool{}
	for _, d := range trial.Block {
		barred[d] = true
	}
	blocked := func(id string) bool { return barred[destination(id)] }
	result := harness.Result{Trial: trial, Outcomes: map[string]harness.Outcome{}, Recovered: true, Held: time.Second}
	result.Seen.AsksTime = len(l.device.leased) > 0
	tried := slices.Clone(l.device.contacts)
	for spare, main := range l.device.fallbacks {
		if blocked(main) {
			tried = append(tried, spare)
		}
	}
	for _, id := range tried {
		contact := harness.Contact{Destination: destination(id), Tries: 1, Answered: !blocked(id)}
		if blocked(id) {
			contact.Attempts, contact.Touched = 1, 1
		}
		result.Seen.Contacts = append(result.Seen.Contacts, contact)
		if kind := trial.StandIns[destination(id)]; kind != "" && l.device.comes(id, trial.Ways[destination(id)]) {
			by := trial.Ways[destination(id)]
			if trial.Fault == harness.NXDomain && destination(id).Host() != "" && id != l.device.heard {
				by = harness.WayName
			}
			result.Seen.StoodIn = append(result.Seen.StoodIn, harness.StoodIn{Destination: destination(id), Kind: kind, Answers: 1, By: by})
		}
	}
	reached := func(id string) bool {
		stood := trial.StandIns[destination(id)] != "" && slices.Contains(l.device.content, id) && l.device.comes(id, trial.Ways[destination(id)])
		return slices.Contains(tried, id) && (!blocked(id) || stood)
	}
	for name, works := range l.device.scenarios {
		if slices.Contains(trial.Unasked, name) {
			continue
		}
		outcome := harness.Outcome{Answer: harness.Pass}
		if !works(reached) {
			outcome = harness.Outcome{Answer: harness.Fail, Why: "no answer"}
		}
		result.Outcomes[name] = outcome
	}
	if l.after != nil {
		l.after(&result)
	}
	return result, ctx.Err()
}

// comes reports whether the device comes to a stand-in by a way.
func (f formula) comes(id string, way harness.Way) bool {
	switch way {
	case harness.WayName:
		return !slices.Contains(f.deaf, id)
	case harness.WayOption:
		return slices.Contains(f.leased, id)
	}
	return true
}

// destination is one on the web, or a time server, named by a word, or a time server at an
// address.
func destination(word string) harness.Destination {
	if _, err := netip.ParseAddr(word); err == nil {
		return harness.Destination{Protocol: "udp", Port: 123, Name: word}
	}
	if word == "resolver" {
		return harness.Destination{Protocol: "udp", Port: 53, Name: word}
	}
	if strings.HasPrefix(word, "time") {
		return harness.Destination{Protocol: "udp", Port: 123, Name: word + ".example"}
	}
	return harness.Destination{Protocol: "tcp", Port: 443, Name: word + ".example"}
}

func always(func(string) bool) bool { return true }

// memory is a journal that keeps results in memory.
type memory struct{ results []harness.Result }

func (m *memory) Append(result harness.Result) error {
	m.results = append(m.results, result)
	return nil
}

func newRun(device formula) harness.Run {
	run := harness.Run{Settings: harness.Settings{
		Faults: []harness.Fault{harness.Reject}, Regimes: []harness.Regime{harness.Steady}, Order: "exact",
	}}
	for name := range device.scenarios {
		run.Scenarios = append(run.Scenarios, harness.ScenarioInfo{Name: name, Title: name})
	}
	slices.SortFunc(run.Scenarios, func(a, b harness.ScenarioInfo) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return run
}
