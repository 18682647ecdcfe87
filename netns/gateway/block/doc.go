// Package block makes destinations unreachable.
//
// A [Driver] holds the block in the kernel. [Open] writes the chains that all
// drivers share, through package chains, and returns one of two: "ipset" keeps
// the blocked addresses and ports in sets, which change in one message however
// many there are; "iptables" writes rules, for gateways without ipset, and as a
// check on the other.
//
// The jump to the chain stands first in FORWARD, so that connections from
// before the block are stopped as well, and in INPUT, for the gateway's own
// resolver and for late packets of connections whose translation is forgotten.
// What the device sends is rejected or dropped, as the fault says; on a
// connection from before it gets a RST in any case. What
// arrives from a blocked destination is always dropped: a refusal would be a
// packet to a destination that must get none. Everything that is stopped is
// logged first.
//
// [Forget] removes what connection tracking knows of blocked destinations, and
// [Reset] ends the device's open connections to them.
package block
