package hass

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// SetupError is a mistake in the set-up, and no verdict on the device.
type SetupError struct {
	What     string // what is wrong
	Remedy   string // what to do about it
	Starting bool   // a Home Assistant that is starting says the same
}

// Error says what is wrong and what to do.
func (e *SetupError) Error() string { return e.What + ": " + e.Remedy }

func wrongToken() *SetupError {
	return &SetupError{What: "Home Assistant does not take the token", Remedy: "make a long-lived access token in your profile there, under Security"}
}

// AbsentError tells that Home Assistant is not there now: it restarts, is
// updated, or has not started yet. Waiting may help.
type AbsentError struct{ Err error }

// Error says why it could not be asked.
func (e *AbsentError) Error() string {
	return fmt.Sprintf("asking Home Assistant: %v: does it run, and is the URL its own?", e.Err)
}

// Unwrap returns why it could not be asked.
func (e *AbsentError) Unwrap() error { return e.Err }

// unanswered says why Home Assistant could not be asked. It is absent, unless the
// caller gave up, its name does not exist, or its certificate is not trusted.
func unanswered(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	lookup, unknown := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if ctx.Err() != nil || unknown && lookup.IsNotFound || untrusted {
		return fmt.Errorf("asking Home Assistant: %w: does it run, and is the URL its own?", err)
	}
	return &AbsentError{err}
}

// broken reports whether an answer was cut off.
func broken(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// absent reports whether a status is that of a proxy in front of a Home Assistant
// that is not there.
func absent(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// ServerError is Home Assistant's answer that it failed itself. On a refresh it
// may be the integration's, on account of the device.
type ServerError struct {
	Path    string // what was asked
	Message string // as "status 500", or in its own words
}

// Error tells what was asked and what it said.
func (e *ServerError) Error() string {
	return fmt.Sprintf("Home Assistant failed at %s with %s: its log says why", e.Path, e.Message)
}

// CommandError is the refusal of a command over WebSocket.
type CommandError struct {
	Code    string `json:"code"` // as "home_assistant_error"
	Message string `json:"message"`
}

// Error gives the code and Home Assistant's own words.
func (e *CommandError) Error() string { return e.Code + ", " + e.Message }
