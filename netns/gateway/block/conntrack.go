package block

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns/gateway/chains"
	"github.com/needwant/needwant/netns/gateway/conntrack"
)

// Forget removes what connection tracking knows of connections to the entries,
// so that nothing of a connection from before survives the change of a block:
// neither its translation nor its state. Connections to others are left alone,
// and in shared tables those of others than the device.
func Forget(tracked *conntrack.Table, layout chains.Layout, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := tracked.Forget(selected(layout, entries).matches); err != nil {
		return fmt.Errorf("forgetting connections to %d addresses: %w", len(entries), err)
	}
	return nil
}

// ForgetAll removes what connection tracking knows of a device's connections, by
// its address over IPv4, no matter who began them. Those that live are taken up again with
// their next packet.
func ForgetAll(tracked *conntrack.Table, device netip.Addr) error {
	err := tracked.Forget(func(flow conntrack.Flow) bool { return flow.Client.Addr() == device || flow.Remote.Addr() == device })
	if err != nil {
		return fmt.Errorf("forgetting all connections of %s: %w", device, err)
	}
	return nil
}

// ForgetRedirected removes what connection tracking knows of packets that were brought to
// the ports of our servers in shared tables, where nobody will answer any more, and of the
// device's pings that were answered for another host.
func ForgetRedirected(tracked *conntrack.Table) error {
	err := tracked.Forget(func(flow conntrack.Flow) bool {
		if protocolOf(flow.Protocol) == harness.ICMP {
			return flow.Remote.Addr() != flow.Target.Addr() && flow.Mark&chains.OwnMark != 0
		}
		return chains.OwnPort(flow.Remote.Port()) && !chains.OwnPort(flow.Target.Port())
	})
	if err != nil {
		return fmt.Errorf("forgetting what was brought to our servers: %w", err)
	}
	return nil
}

// selection is connections that were begun to one of its entries.
type selection struct {
	layout  chains.Layout
	entries map[Entry]bool
}

func selected(layout chains.Layout, entries []Entry) selection {
	s := selection{layout, make(map[Entry]bool, len(entries))}
	for _, entry := range entries {
		s.entries[entry] = true
	}
	return s
}

func (s selection) matches(flow conntrack.Flow) bool {
	if !s.own(flow) {
		return false
	}
	entry := Entry{flow.Target.Addr(), protocolOf(flow.Protocol), flow.Target.Port()}
	return s.entries[entry] || s.entries[entry.Whole()]
}

// own reports whether the device may have begun a connection.
func (s selection) own(flow conntrack.Flow) bool {
	return !s.layout.Shared || flow.Client.Addr() == s.layout.Address || flow.Mark&chains.OwnMark != 0
}

// numberOf is the number of an entry's protocol in IP headers.
func numberOf(e Entry) uint8 {
	switch e.Protocol {
	case harness.TCP:
		return unix.IPPROTO_TCP
	case harness.UDP:
		return unix.IPPROTO_UDP
	}
	return chains.EchoOf(chains.FamilyOf(e.Address)).Number
}

// protocolOf is the protocol with a number in IP headers, "" for those that cannot
// be blocked.
func protocolOf(number uint8) string {
	switch number {
	case unix.IPPROTO_TCP:
		return harness.TCP
	case unix.IPPROTO_UDP:
		return harness.UDP
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		return harness.ICMP
	}
	return ""
}
