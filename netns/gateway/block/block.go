package block

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// Entry is one thing to block at an address: a port, every port of a protocol, or
// the ICMP echo requests and their replies.
type Entry struct {
	Address  netip.Addr
	Protocol string // harness.TCP, harness.UDP or harness.ICMP
	Port     uint16 // 0 for every port, and for ICMP
}

func (e Entry) String() string { return e.destination().String() }

func (e Entry) destination() harness.Destination {
	return harness.Destination{Protocol: e.Protocol, Port: e.Port, Name: e.Address.String()}
}

// EveryPort reports whether the entry stands for every port of its address.
func (e Entry) EveryPort() bool { return e.destination().EveryPort() }

// Whole is the entry for every port of an entry's address and protocol.
func (e Entry) Whole() Entry { return Entry{Address: e.Address, Protocol: e.Protocol} }

// Driver holds a block in the kernel. It is used by one goroutine at a time.
type Driver interface {
	// Replace blocks exactly these entries. Entries that were blocked before and
	// still are get through at no moment.
	Replace(entries []Entry, fault harness.Fault) error

	// Add blocks more entries, under the fault of the last Replace.
	Add(entries []Entry) error

	// Check says in words what is wrong with the block, and "" when the kernel
	// holds it as it was asked for.
	Check() (problem string, err error)
}

// Open writes the chains into a namespace that has none yet, and returns a
// driver that blocks nothing. The kind is "ipset" or "iptables".
func Open(kind string, namespace *netns.Namespace, tables *chains.Tables, layout chains.Layout) (Driver, error) {
	switch kind {
	case "ipset":
		return openSets(namespace, tables, layout)
	case "iptables":
		return openRules(tables, layout)
	}
	return nil, fmt.Errorf("%q is not a block driver: write ipset or iptables", kind)
}

func supported(fault harness.Fault) error {
	if slices.Contains(faults(), fault) {
		return nil
	}
	return fmt.Errorf("%q is not a fault that addresses and ports can be blocked with: use one of %v", fault, faults())
}

func install(tables *chains.Tables, layout chains.Layout, rules func(chains.Family) []chains.Rule) error {
	for _, family := range chains.Families() {
		if err := tables.Install(family, Chains(layout, family, rules(family))); err != nil {
			return err
		}
	}
	return nil
}
