package block

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/chains"
)

// forgetTries is how often a table is gone through that changes meanwhile.
const forgetTries = 4

// Forget removes what connection tracking knows of connections to the entries,
// so that nothing of a connection from before survives the change of a block:
// neither its translation nor its state. Connections to others are left alone.
func Forget(namespace *netns.Namespace, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	chosen := make(selection, len(entries))
	for _, entry := range entries {
		chosen[entry] = true
	}
	for family := range chosen.families() {
		if err := forget(namespace, family, chosen); err != nil {
			return fmt.Errorf("forgetting connections to %d addresses: %w", len(entries), err)
		}
	}
	return nil
}

func forget(namespace *netns.Namespace, family netlink.InetFamily, chosen selection) (err error) {
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
type selection map[Entry]bool

// families are those of its entries: going through the table takes
// milliseconds for each.
func (s selection) families() map[netlink.InetFamily]bool {
	numbers := map[chains.Family]netlink.InetFamily{chains.IPv4: unix.AF_INET, chains.IPv6: unix.AF_INET6}
	families := map[netlink.InetFamily]bool{}
	for entry := range s {
		families[numbers[chains.FamilyOf(entry.Address)]] = true
	}
	return families
}

// MatchConntrackFlow is asked by the netlink library.
func (s selection) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	address, _ := netip.AddrFromSlice(flow.Forward.DstIP)
	protocol := map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[flow.Forward.Protocol]
	return s[Entry{address.Unmap(), protocol, flow.Forward.DstPort}]
}
