// Package talk tells, from the connections that a gateway's kernel tracks, which
// hosts a device exchanged packets with for a while: a controller in the home
// network, or the internet. [Flows] lists the connections, [Since] compares two
// listings, and [Between] draws the conclusion. A [Watch] does all of this again and again.
package talk

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/needwant/needwant/netns/gateway/conntrack"
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
type Count = conntrack.Count

type ends struct {
	protocol       string
	client, remote netip.AddrPort
}

func (f Flow) ends() ends { return ends{f.Protocol, f.Client, f.Remote} }

// protocols are those of which flows are listed, by their number in IP headers.
var protocols = map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}

// Flows lists the tracked connections that want accepts, by their ends.
func Flows(tracked *conntrack.Table, want func(Flow) bool) (flows []Flow, err error) {
	found, err := tracked.List(func(c conntrack.Flow) bool { return protocols[c.Protocol] != "" && want(flowOf(c)) })
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		flows = append(flows, flowOf(c))
	}
	return flows, nil
}

func flowOf(c conntrack.Flow) Flow {
	return Flow{protocols[c.Protocol], c.Client, c.Remote, c.Sent, c.Received}
}

// less is what was counted since.
func less(c, was Count) Count {
	return Count{Packets: c.Packets - was.Packets, Bytes: c.Bytes - was.Bytes}
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
			flow.Sent, flow.Received = less(flow.Sent, was.Sent), less(flow.Received, was.Received)
		}
		if flow.Sent.Packets > 0 || flow.Received.Packets > 0 {
			moved = append(moved, flow)
		}
	}
	return moved
}
