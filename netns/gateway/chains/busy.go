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

// explained says what to do about an iptables that waited for its lock in vain.
func explained(err error) error {
	failure, ok := errors.AsType[*iptables.Error](err)
	if ok && failure.ExitStatus() == resource && strings.Contains(failure.Error(), "xtables lock") {
		return fmt.Errorf("another program holds the lock of iptables, as a firewall that loads its rules anew: try again when it is done: %w", err)
	}
	return err
}
