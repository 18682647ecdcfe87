package main

import (
	"fmt"

	"github.com/needwant/needwant/scenarios"
)

// allowed refuses to move a real device without having been told to. Chooses is the flag of the
// command that chooses scenarios.
func allowed(file scenarios.File, list scenarios.List, actuate bool, chooses string) error {
	if actuate || file.Gateway.Placement == scenarios.Lab {
		return nil
	}
	for _, spec := range list {
		if spec.Actuates() {
			return fmt.Errorf("scenario %s makes the device do something: add --allow-actuation, or choose others with %s", spec.Name, chooses)
		}
	}
	return nil
}

// permission is the flag that a command with the file's scenarios needs, after a blank; ""
// if it needs none.
func permission(file scenarios.File) string {
	if allowed(file, file.Scenarios, false, "") == nil {
		return ""
	}
	return " --allow-actuation"
}
