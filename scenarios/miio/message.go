package miio

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Request is what a controller asks.
type Request struct {
	ID     int             `json:"id"` // from 1, different from the ids asked shortly before
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"` // a list or an object; nil is written as []
}

// Response is what a device answers: a result or an error.
type Response struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *DeviceError    `json:"error,omitempty"`
}

// ReadRequest reads a request from an opened packet.
func ReadRequest(plaintext []byte) (Request, error) {
	var request Request
	if err := unmarshal(plaintext, &request); err != nil {
		return Request{}, fmt.Errorf("reading a miIO request: %w", err)
	}
	return request, nil
}

// ReadResponse reads a response from an opened packet. A result of
// "unknown_method", which some devices send for want of an error, is read as
// the error [CodeUnknownMethod].
func ReadResponse(plaintext []byte) (Response, error) {
	var response Response
	if err := unmarshal(plaintext, &response); err != nil {
		return Response{}, fmt.Errorf("reading a miIO response: %w", err)
	}
	if string(response.Result) == `"unknown_method"` {
		return Response{ID: response.ID, Error: &DeviceError{CodeUnknownMethod, "unknown_method"}}, nil
	}
	return response, nil
}

// Bytes returns the request's plaintext.
func (r Request) Bytes() ([]byte, error) {
	if r.Params == nil {
		r.Params = json.RawMessage("[]")
	}
	return plain(r)
}

// Bytes returns the response's plaintext.
func (r Response) Bytes() ([]byte, error) { return plain(r) }

// plain writes JSON as devices do, with <, > and & as they are.
func plain(message any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(message); err != nil {
		return nil, fmt.Errorf("writing a miIO message: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// unmarshal reads the message as it is, and mended where that fails.
func unmarshal(plaintext []byte, message any) error {
	text, err := Mend(plaintext)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, message)
}
