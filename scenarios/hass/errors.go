package hass

import "fmt"

// SetupError is a mistake in the set-up, and no verdict on the device.
type SetupError struct {
	What   string // what is wrong
	Remedy string // what to do about it
}

// Error says what is wrong and what to do.
func (e *SetupError) Error() string { return e.What + ": " + e.Remedy }

// ServerError is Home Assistant's answer that it failed itself. On a refresh it
// may be the integration's, on account of the device.
type ServerError struct {
	Path   string
	Status int // from 500
}

// Error tells what was asked and the status.
func (e *ServerError) Error() string {
	return fmt.Sprintf("Home Assistant failed at %s with status %d: its log says why", e.Path, e.Status)
}
