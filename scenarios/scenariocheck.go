package scenarios

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"

	"github.com/needwant/needwant/internal/span"
	"github.com/needwant/needwant/internal/yamlfile"
)

const defaultPassWhen = "ok_ratio >= 0.9"

// passNames are what pass_when may name.
func passNames() types.Map {
	return types.Map{"ok_ratio": types.Float64, "max_gap_s": types.Float64, "p95_ms": types.Float64, "checks": types.Int}
}

func (f File) checkScenarios() *yamlfile.Flaw {
	if len(f.Scenarios) == 0 {
		return yamlfile.FlawAt(keys("scenarios"), "write at least one; 'needwant scenario list' shows examples", "there are no scenarios")
	}
	for _, spec := range f.Scenarios {
		at := func(key ...string) []string { return append(keys("scenarios", spec.Name), key...) }
		if flaw := firstFlaw(spec.checkHead(at), spec.checkDuring(at), spec.checkRetry(at), spec.checkSteps(at)); flaw != nil {
			return flaw
		}
	}
	return nil
}

func (s Spec) checkHead(at func(key ...string) []string) *yamlfile.Flaw {
	if !goodName(s.Name) {
		return yamlfile.FlawAt(at(), "use small letters, digits and _, 64 at most, as native_app", "%q is not a name of a scenario", s.Name)
	}
	if s.From != "" && !slices.Contains(vantages(), s.From) {
		return yamlfile.FlawAt(at("from"), yamlfile.Suggest(s.From, vantages()), "unknown place %q", s.From)
	}
	word := regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)
	for i, tag := range s.Tags {
		if !word.MatchString(tag) {
			return yamlfile.FlawAt(at("tags", strconv.Itoa(i)), "use small letters, digits, _ and -", "%q is not a tag", tag)
		}
	}
	if s.Cost != "" && s.Cost != costPerson {
		return yamlfile.FlawAt(at("cost"), "write cost: person, or leave it out", "%q is not a cost", s.Cost)
	}
	if len(s.Steps) == 0 {
		return yamlfile.FlawAt(at("steps"), "write at least one, as - miio: {method: get_status}", "it has no steps, and so checks nothing")
	}
	return nil
}

func (s Spec) checkDuring(at func(key ...string) []string) *yamlfile.Flaw {
	known := []string{"end", continuous}
	if s.During != "" && !slices.Contains(known, s.During) {
		return yamlfile.FlawAt(at("during"), yamlfile.Suggest(s.During, known), "unknown time %q", s.During)
	}
	if s.During != continuous {
		for key, given := range map[string]bool{"every": s.Every != 0, "for": s.For != 0, "pass_when": s.PassWhen != ""} {
			if given {
				return yamlfile.FlawAt(at(key), "write during: continuous, or leave it out", "%s belongs to a scenario that is checked all the time", key)
			}
		}
		return nil
	}
	if s.Every != 0 && (s.Every < 50*time.Millisecond || s.Every > time.Hour) {
		return yamlfile.FlawAt(at("every"), "write a time from 50ms to 1h", "every is %s", span.Typed(s.Every))
	}
	if s.For > longestTime {
		return yamlfile.FlawAt(at("for"), "write 720h at most", "for is %s", span.Typed(s.For))
	}
	if s.PassWhen == "" {
		return nil
	}
	_, err := compile(s.PassWhen, "pass_when", passNames(), expr.AsBool())
	return conditionFlaw(at("pass_when"), err)
}

func (s Spec) checkRetry(at func(key ...string) []string) *yamlfile.Flaw {
	switch {
	case s.Retry.Attempts < 0 || s.Retry.Attempts > 100:
		return yamlfile.FlawAt(at("retry", "attempts"), "write a number from 1 to 100", "attempts is %d", s.Retry.Attempts)
	case s.Retry.Every > time.Hour:
		return yamlfile.FlawAt(at("retry", "every"), "write 1h at most", "every is %s", span.Typed(s.Retry.Every))
	case s.Timeout > time.Hour:
		return yamlfile.FlawAt(at("timeout"), "write 1h at most", "timeout is %s", span.Typed(s.Timeout))
	}
	return nil
}

func (s Spec) checkSteps(at func(key ...string) []string) *yamlfile.Flaw {
	for i, step := range s.Steps {
		here := at("steps", strconv.Itoa(i))
		if step.Timeout > time.Hour {
			return yamlfile.FlawAt(append(here, "timeout"), "write 1h at most", "timeout is %s", span.Typed(step.Timeout))
		}
		for _, name := range slices.Sorted(maps.Keys(step.Save)) {
			if !goodName(name) {
				return yamlfile.FlawAt(append(here, "save", name), "use small letters, digits and _", "%q is not a name to save by", name)
			}
		}
		if call, ok := step.Do.(*Miio); ok && call.Method != "" && !call.reads() && !step.Actuates {
			return yamlfile.FlawAt(append(here, "miio", "method"), "write actuates: true beside miio, so that nothing moves by surprise; it then needs --allow-actuation", "%s may make the device do something", call.Method)
		}
	}
	err := s.eachStep(func(Step, compiled) (string, error) { return "", nil })
	wrong, ok := errors.AsType[*StepError](err)
	if !ok {
		return nil
	}
	here := at("steps", strconv.Itoa(wrong.Step-1))
	if mistake, ok := errors.AsType[*ArgumentError](wrong.Err); ok {
		kind := kindOf(s.Steps[wrong.Step-1].Do)
		return argumentFlaw(append(here, kind.Name), mistake)
	}
	return conditionFlaw(append(here, strings.Split(wrong.Part, ".")...), wrong.Err)
}

// Chosen are the scenarios that have one of the tags; all when none is asked for.
func (f File) Chosen(tags []string) (List, error) {
	if len(tags) == 0 {
		return f.Scenarios, nil
	}
	var chosen List
	known := map[string]bool{}
	for _, spec := range f.Scenarios {
		for _, tag := range spec.Tags {
			known[tag] = true
		}
		if slices.ContainsFunc(spec.Tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
			chosen = append(chosen, spec)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no scenario has the tag %s: %s", strings.Join(tags, ", "), yamlfile.Suggest(tags[0], slices.Sorted(maps.Keys(known))))
	}
	return chosen, nil
}
