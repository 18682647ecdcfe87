package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/needwant/needwant/harness"
)

// Spec is one scenario as it is written.
type Spec struct {
	Name     string        `yaml:"-"` // the column's id, as "native_app": small letters, digits and _
	Title    string        `yaml:"title,omitempty" about:"The column's head. The default is 'Required for NAME?'."`
	From     string        `yaml:"from,omitempty" jsonschema:"enum=gateway,enum=lan,enum=host" about:"From where it is judged: gateway (an address in the device's subnet, the default), lan (the home network) or host (this machine)."`
	Checks   string        `yaml:"checks,omitempty" about:"A footnote: what it really checks."`
	Tags     []string      `yaml:"tags,omitempty" about:"Words to choose scenarios by."`
	During   string        `yaml:"during,omitempty" jsonschema:"enum=end,enum=continuous" about:"end (checked once the block has settled, the default) or continuous (checked again and again while the block is held)."`
	Every    time.Duration `yaml:"every,omitempty" about:"continuous: from the beginning of one check to that of the next. The default is 15s."`
	For      time.Duration `yaml:"for,omitempty" about:"continuous: the block is held at least this long."`
	PassWhen string        `yaml:"pass_when,omitempty" about:"continuous: what all checks together must come to, over ok_ratio, max_gap_s, p95_ms, checks. The default is ok_ratio >= 0.9."`
	Alone    bool          `yaml:"alone,omitempty" about:"true: never checked at the same time as another scenario. Scenarios that connect to the same port of a host at home over the same protocol take turns anyway."`
	Cost     string        `yaml:"cost,omitempty" jsonschema:"enum=person" about:"person: judged last, and only in trials whose answer does not follow from what is known. The default if a step is a prompt."`
	Timeout  time.Duration `yaml:"timeout,omitempty" about:"Of one try of a step, if the step says nothing. The default is 30s, and longer for steps that say so."`
	Retry    Retry         `yaml:"retry,omitempty" about:"How often a step that does not pass is made again."`
	Steps    []Step        `yaml:"steps" jsonschema:"minItems=1" about:"What to do, in order. The first step that does not pass ends the check."`
}

// Retry is how often a step that does not pass is made again. A step that has
// passed is never repeated for a later one.
type Retry struct {
	Attempts int           `yaml:"attempts,omitempty" jsonschema:"minimum=1,maximum=100" about:"All in all. The default is 1."`
	Every    time.Duration `yaml:"every,omitempty" about:"From the beginning of one try to that of the next. The default is 0s."`
}

// Step is one thing to do and what to expect of it.
type Step struct {
	Do       Action            `yaml:"-"` // what to do: one of [Kinds]
	Expect   string            `yaml:"expect,omitempty" about:"What must come back, over the fields of the kind's result and what was saved, as saved.NAME. Left out, the kind's own expectation."`
	Timeout  time.Duration     `yaml:"timeout,omitempty" about:"Of one try. The default is the scenario's."`
	Save     map[string]string `yaml:"save,omitempty" about:"Keeps values of the result for later steps, by name: {battery: 'result[0].battery'}."`
	Always   bool              `yaml:"always,omitempty" about:"Made also when an earlier step did not pass: to put things back."`
	Actuates bool              `yaml:"actuates,omitempty" about:"The device does something that people notice. Needs --allow-actuation."`
}

const (
	defaultTimeout = 30 * time.Second
	defaultEvery   = 15 * time.Second
	continuous     = "continuous"
	costPerson     = "person"
)

// StepError tells which part of a spec is wrong.
type StepError struct {
	Scenario string
	Step     int    // from 1
	Part     string // "do", "expect" or "save.NAME"
	Err      error
}

// Error names the place and the mistake.
func (e *StepError) Error() string {
	return fmt.Sprintf("scenario %s, step %d, %s: %v", e.Scenario, e.Step, e.Part, e.Err)
}

// Unwrap returns the mistake.
func (e *StepError) Unwrap() error { return e.Err }

// Info is what a report says of the scenario.
func (s Spec) Info() harness.ScenarioInfo {
	info := harness.ScenarioInfo{Name: s.Name, Title: s.Title, Vantage: s.From, Checks: s.Checks}
	info.Person = s.Cost == costPerson || slices.ContainsFunc(s.Steps, func(step Step) bool { _, asks := step.Do.(*Prompt); return asks })
	if info.Title == "" {
		info.Title = fmt.Sprintf("Required for %s?", s.Name)
	}
	if info.Vantage == "" {
		info.Vantage = vantages()[0]
	}
	return info
}

// Actuates reports whether some step makes the device do what people notice.
func (s Spec) Actuates() bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Actuates })
}

// Continuous reports whether the scenario is checked all the time while a block is held.
func (s Spec) Continuous() bool { return s.During == continuous }

// vantages are the places to judge from, the usual one first.
func vantages() []string { return []string{"gateway", "lan", "host"} }

// check finds what is wrong with the spec apart from its steps.
func (s Spec) check() error {
	switch {
	case !goodName(s.Name):
		return fmt.Errorf("scenario %q: a name is made of small letters, digits and _, as in native_app", s.Name)
	case !slices.Contains(vantages(), s.Info().Vantage):
		return fmt.Errorf("scenario %s: from is %q, and must be gateway, lan or host", s.Name, s.From)
	case len(s.Steps) == 0:
		return fmt.Errorf("scenario %s: it has no steps, and so checks nothing", s.Name)
	}
	return nil
}

func goodName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789_"
	return name != "" && len(name) <= 64 && strings.Trim(name, allowed) == ""
}
