package main

import (
	"github.com/needwant/needwant/netns"
)

// privileges gives an ordinary user what a lab needs, by running this program
// again in a user namespace; the process that was started then only waits and
// passes on the exit code.
func privileges() error {
	done, code, err := netns.Reexec()
	if err != nil {
		return unfit(err)
	}
	if done {
		return &exitError{code: code}
	}
	return nil
}
