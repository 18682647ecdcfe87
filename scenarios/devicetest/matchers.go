package devicetest

import (
	"errors"
	"fmt"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// RespondTo succeeds when the device answers a method without an error.
func RespondTo(method string, params ...any) types.GomegaMatcher {
	return &respond{method: method, params: params}
}

type respond struct {
	method string
	params []any
	saw    string
}

func (r *respond) list() any {
	if len(r.params) == 0 {
		return nil
	}
	return r.params
}

func (r *respond) Match(actual any) (bool, error) {
	result, err := call(actual, r.method, r.list())
	if refused, ok := errors.AsType[*refusal](err); ok {
		r.saw = refused.Error()
		return false, nil
	}
	r.saw = fmt.Sprintf("it answered %v", result)
	return err == nil, err
}

func (r *respond) FailureMessage(any) string {
	return fmt.Sprintf("the device should answer %s: %s", r.method, r.saw)
}

func (r *respond) NegatedFailureMessage(any) string {
	return fmt.Sprintf("the device should not answer %s: %s", r.method, r.saw)
}

// HaveState succeeds when a field of the device's get_status is as expected: a
// value, or a matcher. Numbers are compared as numbers.
func HaveState(field string, expected any) types.GomegaMatcher {
	matcher, ok := expected.(types.GomegaMatcher)
	if !ok {
		matcher = gomega.BeEquivalentTo(expected)
	}
	return &state{field: field, expected: matcher}
}

type state struct {
	field    string
	expected types.GomegaMatcher
	value    any
	saw      string
}

func (s *state) Match(actual any) (bool, error) {
	result, err := call(actual, "get_status", nil)
	if refused, ok := errors.AsType[*refusal](err); ok {
		s.saw = refused.Error()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	status, ok := first(result)
	if !ok {
		return false, fmt.Errorf("get_status gave %v, which has no fields", result)
	}
	if s.value, ok = status[s.field]; !ok {
		s.saw = fmt.Sprintf("its status %v has no %s", status, s.field)
		return false, nil
	}
	if number, whole := s.value.(float64); whole && number == float64(int(number)) {
		s.value = int(number)
	}
	met, err := s.expected.Match(s.value)
	s.saw = s.expected.FailureMessage(s.value)
	return met, err
}

// first is the status itself, which most devices wrap in a list.
func first(result any) (map[string]any, bool) {
	if list, ok := result.([]any); ok && len(list) > 0 {
		result = list[0]
	}
	status, ok := result.(map[string]any)
	return status, ok
}

func (s *state) FailureMessage(any) string {
	return fmt.Sprintf("the device's %s: %s", s.field, s.saw)
}

func (s *state) NegatedFailureMessage(any) string {
	return fmt.Sprintf("the device's %s should be another than %v", s.field, s.value)
}
