package block

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// forgetTries is how often a table is gone through that changes meanwhile.
const forgetTries = 4

// Forget removes what connection tracking knows of connections to the entries,
// so that nothing of a connection from before survives the change of a block:
// neither its translation nor its state. Connections to others are left alone,
// and in shared tables those of others than the device.
func Forget(namespace *netns.Namespace, layout chains.Layout, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	chosen := selection{layout, make(map[Entry]bool, len(entries))}
	for _, entry := range entries {
		chosen.entries[entry] = true
	}
	for family := range chosen.families() {
		if err := forget(namespace, family, chosen); err != nil {
			return fmt.Errorf("forgetting connections to %d addresses: %w", len(entries), err)
		}
	}
	return nil
}

// ForgetAll removes what connection tracking knows of a device's connections, by
// its address over IPv4. Those that live are taken up anew with their next packet.
func ForgetAll(namespace *netns.Namespace, device netip.Addr) error {
	if err := forget(namespace, netlink.InetFamily(number(chains.IPv4)), everything{device}); err != nil {
		return fmt.Errorf("forgetting all connections of %s: %w", device, err)
	}
	return nil
}

// everything matches the connections of one device, whoever began them.
type everything struct{ device netip.Addr }

// MatchConntrackFlow is asked by the netlink library.
func (e everything) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	to, _ := netip.AddrFromSlice(flow.Reverse.SrcIP) // behind any translation
	return from.Unmap() == e.device || to.Unmap() == e.device
}

// ForgetRedirected removes what connection tracking knows of queries that were
// brought to another port of this machine, where nobody will answer any more.
func ForgetRedirected(namespace *netns.Namespace, port uint16) error {
	for _, family := range chains.Families() {
		if err := forget(namespace, netlink.InetFamily(number(family)), redirected(port)); err != nil {
			return fmt.Errorf("forgetting queries to port %d: %w", port, err)
		}
	}
	return nil
}

// redirected matches connections that were begun to one port and led to this.
type redirected uint16

// MatchConntrackFlow is asked by the netlink library.
func (port redirected) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	return flow.Reverse.SrcPort == uint16(port) && flow.Forward.DstPort != uint16(port)
}

func forget(namespace *netns.Namespace, family netlink.InetFamily, chosen netlink.CustomConntrackFilter) (err error) {
	for range forgetTries {
		err = guarded(func() error {
			_, err := namespace.Netlink().ConntrackDeleteFilters(netlink.ConntrackTable, family, chosen)
			return err
		})
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
	}
	return err
}

// selection matches connections that were begun to one of its entries.
type selection struct {
	layout  chains.Layout
	entries map[Entry]bool
}

// families are those of its entries: going through the table takes
// milliseconds for each.
func (s selection) families() map[netlink.InetFamily]bool {
	families := map[netlink.InetFamily]bool{}
	for entry := range s.entries {
		families[netlink.InetFamily(number(chains.FamilyOf(entry.Address)))] = true
	}
	return families
}

// MatchConntrackFlow is asked by the netlink library.
func (s selection) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if !s.own(flow) {
		return false
	}
	entry := begunTo(flow)
	return s.entries[entry] || s.entries[entry.Whole()]
}

// begunTo is the entry that would block a connection.
func begunTo(flow *netlink.ConntrackFlow) Entry {
	address, _ := netip.AddrFromSlice(flow.Forward.DstIP)
	return Entry{address.Unmap(), protocolOf(flow.Forward.Protocol), flow.Forward.DstPort}
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
	return map[uint8]string{
		unix.IPPROTO_TCP: harness.TCP, unix.IPPROTO_UDP: harness.UDP,
		unix.IPPROTO_ICMP: harness.ICMP, unix.IPPROTO_ICMPV6: harness.ICMP,
	}[number]
}

// own tells whether the device may have begun a connection.
func (s selection) own(flow *netlink.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	return !s.layout.Shared || from.Unmap() == s.layout.Address || flow.Mark&chains.OwnMark != 0
}
