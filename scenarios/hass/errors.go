package hass

import "fmt"

// SetupError is a mistake in the set-up, and no verdict on the device.
type SetupError struct {
	What   string // what is wrong
	Remedy string // what to do about it
}

// Error says what is wrong and what to do.
func (e *SetupError) Error() string { return e.What + ": " + e.Remedy }

func wrongToken() *SetupError {
	return &SetupError{"Home Assistant does not take the token", "make a long-lived access token in your profile there, under Security"}
}

// unanswered says that Home Assistant could not be asked.
func unanswered(err error) error {
	return fmt.Errorf("asking Home Assistant: %w: does it run, and is the URL its own?", err)
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
