package miio

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/needwant/needwant/internal/span"
)

// Codes that devices answer with.
const (
	CodeUnknownMethod = -10000
	CodeAckTimeout    = -9999 // the network side lives, the robot's software did not answer
	CodeBusy          = -30001
)

// DeviceError is a device's own answer that it did not do what was asked.
type DeviceError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error gives the device's words and its code.
func (e *DeviceError) Error() string {
	return fmt.Sprintf("the device answered %q (code %d)", e.Message, e.Code)
}

// Retryable reports whether asking again may help.
func (e *DeviceError) Retryable() bool { return e.Code == CodeAckTimeout || e.Code == CodeBusy }

// UnmarshalJSON reads {"code", "message"}, and the bare texts and numbers that
// some devices send instead.
func (e *DeviceError) UnmarshalJSON(text []byte) error {
	type plain DeviceError
	if err := json.Unmarshal(text, (*plain)(e)); err == nil {
		return nil
	}
	if err := json.Unmarshal(text, &e.Code); err == nil {
		return nil
	}
	if err := json.Unmarshal(text, &e.Message); err == nil {
		return nil
	}
	*e = DeviceError{Message: string(text)}
	return nil
}

// TimeoutError tells that the device did not answer.
type TimeoutError struct {
	Address  netip.AddrPort
	Method   string
	Attempts int
	Each     time.Duration // how long each attempt waited
	Greeted  bool          // it did answer a hello
}

// Error says how long the device was given, and whether it lives.
func (e *TimeoutError) Error() string {
	alive := ""
	if e.Greeted {
		alive = ", though it answers a hello"
	}
	return fmt.Sprintf("no answer to %s from %s in %d tries of %v%s", e.Method, e.Address, e.Attempts, span.Words(e.Each), alive)
}

// Timeout makes it a net.Error's kind of timeout.
func (e *TimeoutError) Timeout() bool { return true }

// UnreachableError tells that the network answered in the device's place, as
// with an ICMP port unreachable.
type UnreachableError struct {
	Address netip.AddrPort
	Err     error
}

// Error repeats what the network said.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("nothing at %s takes miIO requests: %v", e.Address, e.Err)
}

// Unwrap returns what the network said.
func (e *UnreachableError) Unwrap() error { return e.Err }

// UnreadableError tells that the device answered with something that no client
// can read, although the token is right.
type UnreadableError struct {
	Address netip.AddrPort
	Method  string
	Err     error // what is wrong with the answer
}

// Error says what is wrong with the answer.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%s answered %s with something unreadable: %v", e.Address, e.Method, e.Err)
}

// Unwrap returns what is wrong with the answer.
func (e *UnreadableError) Unwrap() error { return e.Err }

// Telling is how a wrong token was told.
type Telling string

const (
	ByChecksum Telling = "checksum" // an answer's checksum does not verify: certain
	ByHello    Telling = "hello"    // the answer to a hello holds another token: certain
	BySilence  Telling = "silence"  // hellos are answered, commands never: a guess, since the robot's software may be at fault
)

// WrongTokenError tells that the device has another token. Pairing and a Wi-Fi
// reset change it.
type WrongTokenError struct {
	Address netip.AddrPort
	Told    Telling
}

// Error says how it was told, and what to do.
func (e *WrongTokenError) Error() string {
	switch e.Told {
	case ByChecksum:
		return fmt.Sprintf("%s answers with another token than the one given: extract it again, it changes with pairing", e.Address)
	case ByHello:
		return fmt.Sprintf("%s tells another token than the one given, as an unpaired device does: pair it, then extract the token again", e.Address)
	}
	return fmt.Sprintf("%s answers hellos but has never answered a command: the token may be wrong", e.Address)
}

// Certain reports whether nothing but the token can be at fault.
func (e *WrongTokenError) Certain() bool { return e.Told != BySilence }
