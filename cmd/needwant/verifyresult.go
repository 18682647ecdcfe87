package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/reports"
	"github.com/needwant/needwant/reports/policy"
)

// verification is what came of holding a policy for long; as JSON, the last
// event.
type verification struct {
	Kind      string                       `json:"event"` // "verified"
	At        time.Time                    `json:"at"`
	Run       string                       `json:"run"` // id of the run that proposed the policy
	Device    harness.Device               `json:"device"`
	Simulated bool                         `json:"simulated,omitempty"` // the device is that of a lab world
	Policy    policy.Kind                  `json:"policy"`
	Works     bool                         `json:"works"`
	Fault     harness.Fault                `json:"fault"`
	Regime    harness.Regime               `json:"regime"` // cold_boot where the device was power-cycled
	Held      time.Duration                `json:"held"`
	Scenarios map[string]harness.Endurance `json:"scenarios"`
	Recovered bool                         `json:"recovered"`
	Suspect   string                       `json:"suspect,omitempty"` // why it proves nothing
	Refused   []refusal                    `json:"refused"`           // what the run knows, and what is new
	Open      []harness.Destination        `json:"open"`              // what the run knows
	New       []harness.Destination        `json:"new"`               // never seen in the run, and let through
}

// refusal is one destination that was refused.
type refusal struct {
	Destination harness.Destination `json:"destination"`
	Attempts    int                 `json:"attempts"`
	New         bool                `json:"new,omitempty"` // never seen in the run
}

func newVerification(run harness.Run, applied applied, soaked harness.Soaked) verification {
	v := verification{
		Kind: "verified", At: time.Now(), Run: run.ID, Device: run.Device, Simulated: run.Settings.Simulated, Policy: applied.policy.Kind,
		Works: soaked.Works(), Fault: soaked.Trial.Fault, Regime: soaked.Trial.Regime, Held: soaked.Held,
		Scenarios: soaked.Scenarios, Recovered: soaked.Recovered, Suspect: soaked.Suspect,
		Open: append([]harness.Destination{}, applied.open()...), New: []harness.Destination{}, Refused: []refusal{},
	}
	for _, destination := range applied.refused() {
		contact, _ := soaked.Seen.Contact(destination)
		v.Refused = append(v.Refused, refusal{destination, contact.Attempts, false})
	}
	known := slices.Concat(applied.refused(), applied.open())
	for _, contact := range soaked.Seen.Contacts {
		switch {
		case slices.Contains(known, contact.Destination):
		case contact.Attempts > 0:
			v.Refused = append(v.Refused, refusal{contact.Destination, contact.Attempts, true})
		default:
			v.New = append(v.New, contact.Destination)
		}
	}
	return v
}

// verdict is the error, with its exit code, that a verification ends in.
func (v verification) verdict() error {
	switch {
	case v.Works:
		return nil
	case v.Suspect != "":
		return unfit(errors.New(v.Suspect + ": nothing is proved; try again"))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Scenarios)) {
		if endurance := v.Scenarios[name]; endurance.Answer == harness.Fail {
			return exit(codeBroken, fmt.Errorf("%s does not work under %s: %s", name, v.Policy, endurance.Why))
		}
	}
	return exit(codeOpen, errors.New("not every scenario could be judged"))
}

// write tells it to people.
func (v verification) write(out io.Writer) error {
	screen, out := out, plain{out}
	device := reports.Clean(cmp.Or(v.Device.Model, v.Device.Name))
	if v.Simulated {
		device = "simulated device " + device
	}
	laid(screen, v.headline())
	laid(screen, fmt.Sprintf("%s of run %s, for %s: blocked by %s for %s, %s", v.Policy, v.Run, device, v.Fault, span.Words(v.Held.Round(100*time.Millisecond)), v.boot()))
	fmt.Fprintln(out)
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(v.Scenarios)) {
		fmt.Fprintf(rows, "%s\t%s\t%s\n", reports.Clean(name), v.word(v.Scenarios[name]), reports.Clean(story(v.Scenarios[name])))
	}
	if err := rows.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		title string
		lines []string
	}{
		{"blocked, and tried", v.refusals(func(r refusal) bool { return !r.New && r.Attempts > 0 })},
		{"blocked, and never seen before", v.refusals(func(r refusal) bool { return r.New })},
		{"blocked, and not tried: nothing is proved of these", v.refusals(func(r refusal) bool { return !r.New && r.Attempts == 0 })},
		{"let through, and never seen before", named(v.New)},
	} {
		if len(list.lines) > 0 {
			fmt.Fprintf(out, "\n%s:\n  %s\n", list.title, strings.Join(list.lines, "\n  "))
		}
	}
	if !v.Works {
		_, err := fmt.Fprintf(out, "\n%s\n", v.after())
		return err
	}
	return nil
}

// headline is the result in a sentence that begins with PASS, FAIL or UNDECIDED.
func (v verification) headline() string {
	var broken []string
	for _, name := range slices.Sorted(maps.Keys(v.Scenarios)) {
		if v.Scenarios[name].Answer == harness.Fail {
			broken = append(broken, reports.Clean(name))
		}
	}
	switch {
	case v.Works:
		return fmt.Sprintf("PASS: everything works under %s.", v.Policy)
	case v.Suspect == "" && len(broken) > 0:
		return fmt.Sprintf("FAIL: %s: not working under %s.", strings.Join(broken, ", "), v.Policy)
	}
	return fmt.Sprintf("UNDECIDED: not every scenario could be judged under %s.", v.Policy)
}

func (v verification) boot() string {
	if v.Regime == harness.ColdBoot {
		return "power-cycled under it"
	}
	return "without a power cycle, since nothing can switch the device off and on"
}

// after says whether it was the policy.
func (v verification) after() string {
	if v.Recovered {
		return "With nothing blocked, everything works again."
	}
	return "Nothing is blocked any more, but not everything works again: check the device."
}

func (v verification) word(e harness.Endurance) string {
	if v.Suspect != "" && e.Answer == harness.Pass {
		return "unclear"
	}
	return map[harness.Answer]string{harness.Pass: "works", harness.Fail: "BROKEN", harness.Inconclusive: "unclear"}[e.Answer]
}

// story says in words how a scenario did.
func story(e harness.Endurance) string {
	var parts []string
	if e.Checks > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d checks passed", e.Passed, e.Checks))
	}
	if e.Broke > 0 {
		parts = append(parts, fmt.Sprintf("broken from %s on", span.Words(e.Broke.Round(100*time.Millisecond))))
	}
	if e.Why != "" {
		parts = append(parts, e.Why)
	}
	return strings.Join(parts, "; ")
}

func (v verification) refusals(which func(refusal) bool) (lines []string) {
	for _, r := range v.Refused {
		if which(r) {
			lines = append(lines, fmt.Sprintf("%s (%d attempts)", r.Destination, r.Attempts))
		}
	}
	return lines
}

func named(destinations []harness.Destination) (lines []string) {
	for _, d := range destinations {
		lines = append(lines, d.String())
	}
	return lines
}

// answers says in a few words what a round of checks came to.
func answers(outcomes map[string]harness.Outcome) string {
	words := map[harness.Answer]string{harness.Pass: "works", harness.Fail: "fails", harness.Inconclusive: "unclear"}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		parts = append(parts, fmt.Sprintf("%s %-7s", name, words[outcomes[name].Answer]))
	}
	return strings.TrimSpace(strings.Join(parts, "  "))
}
