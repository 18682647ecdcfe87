// Package devicetest is for Ginkgo suites that needwant runs as scenarios: it
// knows the device that is under test, and has matchers that read well.
//
//	device := devicetest.Device()
//	Expect(device).To(devicetest.RespondTo("get_status"))
//	Expect(device).To(devicetest.HaveState("state", BeElementOf(3, 8, 100)))
//
// needwant tells a suite of the device by its environment. To run a suite by
// hand, set NEEDWANT_DEVICE to its address and NEEDWANT_MIIO_TOKEN to its token.
package devicetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// Caller is a device that can be asked over miIO, as a [*miio.Client] can.
type Caller interface {
	Call(ctx context.Context, method string, params any) (miio.Reply, error)
}

// patience is how long a matcher asks: python-miio's three times five seconds.
const patience = 15 * time.Second

// Address is the device's. The error says what to set.
func Address() (netip.Addr, error) {
	address, err := netip.ParseAddr(os.Getenv("NEEDWANT_DEVICE"))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("NEEDWANT_DEVICE is no address: needwant sets it; by hand, write export NEEDWANT_DEVICE=192.168.50.10: %w", err)
	}
	return address, nil
}

// Device is a client of the device under test. It panics, with what to set, when
// the environment does not tell of one: there is nothing to test then.
func Device() *miio.Client {
	address, err := Address()
	if err != nil {
		panic(err)
	}
	token, err := miio.ParseToken(os.Getenv("NEEDWANT_MIIO_TOKEN"))
	if err != nil {
		panic(fmt.Errorf("NEEDWANT_MIIO_TOKEN is no token: give the spec secrets: {miio: env:TOKEN}: %w", err))
	}
	return &miio.Client{Address: netip.AddrPortFrom(address, 0), Token: token}
}

// call asks a device and reads its answer.
func call(actual any, method string, params any) (any, error) {
	device, ok := actual.(Caller)
	if !ok {
		return nil, fmt.Errorf("a device is expected, as devicetest.Device() gives, and not %T", actual)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reply, err := device.Call(ctx, method, params)
	if err != nil {
		return nil, &refusal{err}
	}
	var result any
	if err := json.Unmarshal(reply.Result, &result); err != nil {
		return nil, fmt.Errorf("the answer to %s: %w", method, err)
	}
	return result, nil
}

// refusal is the device's failure to answer.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }
