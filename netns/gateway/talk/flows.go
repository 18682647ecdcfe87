// Package talk tells, from the connections that a gateway's kernel tracks, whom
// a device talked with for a while: a controller in the home network, or the
// internet.
package talk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Flow is what the kernel counted on one connection of TCP or UDP. It needs
// net.netfilter.nf_conntrack_acct.
type Flow struct {
	Client   netip.AddrPort // who began it
	Remote   netip.AddrPort // whom it called
	Sent     uint64         // packets by the client
	Received uint64         // packets to the client
}

type ends struct{ client, remote netip.AddrPort }

// dumpTries is how often a listing is asked for that others keep changing.
const dumpTries = 4

// Flows lists the connections that a namespace knows.
func Flows(namespace *netns.Namespace) (flows []Flow, err error) {
	entries, err := dump(namespace)
	if err != nil {
		return nil, fmt.Errorf("listing connections: %w", err)
	}
	for _, entry := range entries {
		if entry.Forward.Protocol != unix.IPPROTO_TCP && entry.Forward.Protocol != unix.IPPROTO_UDP {
			continue
		}
		flows = append(flows, Flow{
			Client:   netip.AddrPortFrom(address(entry.Forward.SrcIP), entry.Forward.SrcPort),
			Remote:   netip.AddrPortFrom(address(entry.Forward.DstIP), entry.Forward.DstPort),
			Sent:     entry.Forward.Packets,
			Received: entry.Reverse.Packets,
		})
	}
	return flows, nil
}

// dump lists both families in one pass. It asks again when the table changed
// meanwhile; an incomplete listing is taken at last, since a busy gateway may
// never give another.
func dump(namespace *netns.Namespace) (entries []*netlink.ConntrackFlow, err error) {
	for range dumpTries {
		entries, err = namespace.Netlink().ConntrackTableList(netlink.ConntrackTable, unix.AF_UNSPEC)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return entries, err
		}
	}
	return entries, nil
}

func address(ip net.IP) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap()
}

// Since is what was counted between two listings, without the connections on
// which nothing moved. Counters that were set to zero meanwhile count afresh.
func Since(before, after []Flow) []Flow {
	known := map[ends]Flow{}
	for _, flow := range before {
		known[ends{flow.Client, flow.Remote}] = flow
	}
	var moved []Flow
	for _, flow := range after {
		was := known[ends{flow.Client, flow.Remote}]
		if was.Sent <= flow.Sent && was.Received <= flow.Received {
			flow.Sent -= was.Sent
			flow.Received -= was.Received
		}
		if flow.Sent > 0 || flow.Received > 0 {
			moved = append(moved, flow)
		}
	}
	return moved
}

// Path tells how a controller came by the device's state while these flows moved:
// "lan" when the two exchanged packets, "cloud" when they did not, and the device
// exchanged some with what lies outside of the home networks, else "unknown".
func Path(flows []Flow, device, controller netip.Addr, home []netip.Prefix) string {
	path := "unknown"
	for _, flow := range flows {
		from, to := flow.Client.Addr(), flow.Remote.Addr()
		if flow.Received == 0 || from != device && to != device {
			continue
		}
		if from == controller || to == controller {
			return "lan"
		}
		inside := slices.ContainsFunc(home, func(p netip.Prefix) bool { return p.Contains(to) })
		if from == device && !inside {
			path = "cloud"
		}
	}
	return path
}
