// Package talk tells, from the connections that a gateway's kernel tracks, which
// hosts a device exchanged packets with for a while: a controller in the home
// network, or the internet. [Flows] lists the connections, [Since] compares two
// listings, and [Between] draws the conclusion.
package talk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns"
)

// Flow is what the kernel counted on one connection of TCP or UDP. It needs
// net.netfilter.nf_conntrack_acct.
type Flow struct {
	Protocol string         // "tcp" or "udp"
	Client   netip.AddrPort // who began it
	Remote   netip.AddrPort // who answers it, wherever it was sent to
	Sent     Count          // by the client
	Received Count          // by the client
}

// Count is what went one way, headers of IP included.
type Count struct{ Packets, Bytes uint64 }

func (c Count) less(was Count) Count { return Count{c.Packets - was.Packets, c.Bytes - was.Bytes} }

type ends struct {
	protocol       string
	client, remote netip.AddrPort
}

func (f Flow) ends() ends { return ends{f.Protocol, f.Client, f.Remote} }

// dumpTries is how often a listing is asked for that others keep changing.
const dumpTries = 4

// Flows lists the connections that a namespace knows.
func Flows(namespace *netns.Namespace) (flows []Flow, err error) {
	entries, err := dump(namespace)
	if err != nil {
		return nil, fmt.Errorf("listing connections: %w", err)
	}
	protocols := map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}
	for _, entry := range entries {
		asked, answered := entry.Forward, entry.Reverse
		protocol, known := protocols[asked.Protocol]
		if !known {
			continue
		}
		flows = append(flows, Flow{
			Protocol: protocol,
			Client:   netip.AddrPortFrom(address(asked.SrcIP), asked.SrcPort),
			Remote:   netip.AddrPortFrom(address(answered.SrcIP), answered.SrcPort),
			Sent:     Count{asked.Packets, asked.Bytes},
			Received: Count{answered.Packets, answered.Bytes},
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
		known[flow.ends()] = flow
	}
	var moved []Flow
	for _, flow := range after {
		was := known[flow.ends()]
		if was.Sent.Packets <= flow.Sent.Packets && was.Received.Packets <= flow.Received.Packets {
			flow.Sent, flow.Received = flow.Sent.less(was.Sent), flow.Received.less(was.Received)
		}
		if flow.Sent.Packets > 0 || flow.Received.Packets > 0 {
			moved = append(moved, flow)
		}
	}
	return moved
}
