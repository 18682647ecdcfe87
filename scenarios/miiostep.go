package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// Miio calls a method of the device over its local protocol.
type Miio struct {
	Method string `yaml:"method" about:"The method, for example get_status."`
	Params any    `yaml:"params,omitempty" about:"The method's parameters, for example ['']. The default is the empty list."`
}

// MiioResult is what an expectation on [Miio] may name.
type MiioResult struct {
	Result   any     `expr:"result" about:"What the device answered, for example [{\"state\": 8}] or [\"ok\"]."`
	RTT      float64 `expr:"rtt_ms" about:"Milliseconds from the last request to its answer."`
	Attempts int     `expr:"attempts" about:"How many requests were sent until one was answered."`
}

func miioKind() Kind {
	return Kind{
		Name:    "miio",
		About:   "Calls a method of the device over the miIO local protocol.",
		Fails:   "No answer, an error or an unreadable answer is a failure. A token that is certainly wrong makes the check inconclusive.",
		Example: "{miio: {method: get_status}, expect: 'result[0].state in [3, 8, 100] && rtt_ms < 2000'}",
		Short:   "method",
		New:     func() Action { return new(Miio) },
		Result:  MiioResult{},
		Expect:  "true",
	}
}

func (m *Miio) check() *ArgumentError {
	if m.Method == "" {
		return wrong("method", "miio needs a method", "write one, as get_status")
	}
	return nil
}

// reads reports whether the method changes nothing, going by its name.
func (m *Miio) reads() bool {
	return strings.HasPrefix(m.Method, "get_") || m.Method == "miIO.info"
}

func (m *Miio) prepare(e *Engine, timeout time.Duration) (deed, error) {
	if e.Device == nil {
		return deed{}, errors.New("miio needs a device with address and token")
	}
	device := e.Device
	attempts, each := e.within(timeout)
	return deed{
		kind:  miioKind(),
		name:  "miio " + m.Method,
		hide:  []func(string) string{device.Token.Conceal},
		claim: connection("miio", device.Address.String()),
		run:   func(ctx context.Context) (sight, error) { return m.call(ctx, device, attempts, each) },
	}, nil
}

// within is how often to ask, and how long each time: as the client does, but at
// least [miioTries] times in the time that a step has.
func (e *Engine) within(timeout time.Duration) (attempts int, each time.Duration) {
	attempts, each = cmp.Or(e.Device.Attempts, miioTries), cmp.Or(e.Device.Timeout, miioUsual)
	if each > timeout/miioTries {
		return miioTries, timeout / miioTries
	}
	return attempts, each
}

const (
	miioTries = 3               // python-miio's and Home Assistant's
	miioUsual = 5 * time.Second // the client's own time for one try
)

func (m *Miio) call(ctx context.Context, device *miio.Client, attempts int, each time.Duration) (sight, error) {
	reply, err := device.CallWithin(ctx, m.Method, m.Params, attempts, each)
	if err != nil {
		return failedCall(err)
	}
	result, err := values(reply.Result)
	if err != nil {
		return sight{}, fmt.Errorf("reading the result: %w", err)
	}
	return sight{
		result: MiioResult{Result: result, RTT: milliseconds(reply.RTT), Attempts: reply.Attempts},
		saw:    show(result),
	}, nil
}

// failedCall tells the device's failures from what kept it from being asked.
func failedCall(err error) (sight, error) {
	_, refused := errors.AsType[*miio.DeviceError](err)
	_, garbled := errors.AsType[*miio.UnreadableError](err)
	_, silent := errors.AsType[*miio.TimeoutError](err)
	_, gone := errors.AsType[*miio.UnreachableError](err)
	token, wrong := errors.AsType[*miio.WrongTokenError](err)
	if refused || garbled || silent || gone || (wrong && !token.Certain()) {
		return sight{failure: err.Error(), late: silent || wrong}, nil
	}
	return sight{}, err
}
