package scenarios

import (
	"context"
	"reflect"
	"time"
)

// Kind is a kind of action, with its manual.
type Kind struct {
	Name    string        // the key of such a step in a spec
	About   string        // what it does, one sentence
	Fails   string        // what is a failure, and what makes it inconclusive
	Example string        // a step, as YAML
	Short   string        // the argument that stands alone, as in {wait: 5s}; "" where none may
	New     func() Action // an action without arguments, to read a spec's into
	Result  any           // a value of the type whose fields an expectation names
	Expect  string        // what is expected of it when a step says nothing
}

// Kinds lists all kinds of action.
func Kinds() []Kind {
	return []Kind{
		miioKind(), hassKind(), httpKind(), tcpKind(), dnsKind(), ntpKind(), mqttKind(), pingKind(), execKind(),
		ginkgoKind(), waitKind(), powerKind(), promptKind(),
	}
}

// KindOf finds a kind by its name.
func KindOf(name string) (kind Kind, ok bool) {
	for _, kind := range Kinds() {
		if kind.Name == name {
			return kind, true
		}
	}
	return Kind{}, false
}

// kindOf finds the kind of an action, by its type.
func kindOf(action Action) Kind {
	for _, kind := range Kinds() {
		if reflect.TypeOf(kind.New()) == reflect.TypeOf(action) {
			return kind
		}
	}
	return Kind{Name: "nothing", Result: struct{}{}}
}

// Action is something to do, with its arguments: [Miio], [Hass], [HTTP] and so on.
type Action interface {
	// check finds what is wrong with the arguments; nil when nothing is.
	check() *ArgumentError

	// prepare binds an action, whose arguments are good, to an engine. An attempt
	// may take as long as the timeout. The error says what the engine lacks.
	prepare(e *Engine, timeout time.Duration) (deed, error)
}

// ArgumentError is a mistake in an action's arguments.
type ArgumentError struct {
	Argument string // "" for the whole action
	Message  string
	Remedy   string
	secret   bool // the argument must not be shown
}

// Error says what is wrong and what to do.
func (e *ArgumentError) Error() string { return e.Message + ": " + e.Remedy }

// wrong is a mistake in one argument.
func wrong(argument, message, remedy string) *ArgumentError {
	return &ArgumentError{Argument: argument, Message: message, Remedy: remedy}
}

// deed is an action that can be done, many times and by several at once.
type deed struct {
	kind  Kind
	name  string                // for people, without secrets, as "miio get_status"
	hide  []func(string) string // each conceals one secret that the action knows
	claim claim                 // what other checks must not use at the same time
	timed bool                  // run keeps to the step's timeout itself
	final bool                  // it is not done again if it does not pass

	// run does it once. An error means that it could not be done, and says
	// nothing of the device.
	run func(ctx context.Context) (sight, error)
}

// sight is what doing it brought to light.
type sight struct {
	result  any    // of the kind's type; nil where nothing came back
	saw     string // what came back, for people
	failure string // why nothing came back
	late    bool   // nothing came back in time

	// idle is how much of the time was spent waiting for something other than the
	// device and its controller.
	idle time.Duration

	// unseen are the fields of the result that nobody here can see, with the value
	// that an expectation may hope for. One that is met only by that is not judged.
	unseen    map[string]any
	whyUnseen string
}

// conceal takes the action's secrets out of a text.
func (d deed) conceal(text string) string {
	for _, hide := range d.hide {
		text = hide(text)
	}
	return text
}

// milliseconds is a duration as results give it.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
