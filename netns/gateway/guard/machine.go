package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/block"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
)

// Machine is what a gateway that works in the machine's own tables must leave as
// it was.
type Machine struct {
	Tables     []string          `json:"tables"`     // those of iptables that were there, see chains.Present
	Parameters map[string]string `json:"parameters"` // of the kernel, by path below /proc/sys
}

// touched are the parameters that such a gateway changes, or the kernel by
// itself for a rule of ours.
var touched = []string{"net/netfilter/nf_conntrack_acct"}

// NoteMachine writes down how the machine is.
func NoteMachine(namespace *netns.Namespace) (*Machine, error) {
	tables, err := chains.Present(namespace)
	if err != nil {
		return nil, err
	}
	m := &Machine{Tables: tables, Parameters: map[string]string{}}
	return m, namespace.Do(func() error {
		for _, key := range touched {
			value, err := os.ReadFile("/proc/sys/" + key)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err == nil {
				m.Parameters[key] = strings.TrimSpace(string(value))
			}
		}
		return nil
	})
}

// handBack removes our rules, then the sets that they need, then the empty
// tables, and sets the parameters as they were.
func (m *Machine) handBack(host *netns.Namespace, dry bool) ([]string, error) {
	changes, err := chains.RemoveAll(host, m.Tables, dry)
	if err != nil {
		return changes, fmt.Errorf("removing our rules: %w", err)
	}
	sets, err := block.RemoveSets(host, dry)
	for _, name := range sets {
		changes = append(changes, "remove the set "+name)
	}
	if err != nil {
		return changes, err
	}
	if !dry {
		if err := forgetRedirected(host); err != nil {
			return changes, err
		}
	}
	w := &work{host: host, dry: dry, changes: changes}
	err = host.Do(func() error { return w.set("/proc/sys/", m.Parameters) })
	return w.changes, err
}

func forgetRedirected(host *netns.Namespace) error {
	tracked, err := conntrack.Open(host)
	if err != nil {
		return err
	}
	return errors.Join(block.ForgetRedirected(tracked), tracked.Close())
}
