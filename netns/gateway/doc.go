// Package gateway puts a device behind a gateway that can block and observe.
//
// A [Gateway] works in a network namespace which has a link to the device and a
// link to the home network and the internet; giving the namespace its links,
// by cables in a lab or by a real NIC, is the placement's work and not done
// here. [New] lets the namespace forward and translate addresses, for IPv4 and
// IPv6, and puts the parts together:
//
//	chains       iptables chains declared as values, and whether they still stand
//	block        makes addresses and ports unreachable: chains, sets, connection tracking
//	watch        the kernel's packet log and its counters: contacts, attempts
//	names        the resolver that the device queries
//	attribution  which destination a packet, an address or a name belongs to
//
// [Gateway.Block] and [Gateway.Observe] are those of harness.Gateway. An address
// newly answered for a blocked name is blocked before the answer leaves.
package gateway
