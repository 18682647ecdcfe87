package chains

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-iptables/iptables"
)

// resource is the exit status of iptables for a lock or a kernel that did not
// answer. It says nothing of whether a rule or a chain exists, as status 1 does.
const resource = 4

// explained says what to do about an iptables that waited for its lock without success.
func explained(err error) error {
	if failure, ok := errors.AsType[*iptables.Error](err); ok {
		return explainedBy(err, failure.ExitStatus(), failure.Error())
	}
	return err
}

// locked reports whether iptables waited for its lock to the end.
func locked(status int, said string) bool {
	return status == resource && strings.Contains(said, "xtables lock")
}

// explainedBy is the same of an exit status and of what iptables said.
func explainedBy(err error, status int, said string) error {
	if locked(status, said) {
		return fmt.Errorf("another program holds the lock of iptables, as a firewall that loads its rules again: try again when it is done: %w", err)
	}
	return err
}
