// Package chains writes iptables chains that are declared as values.
//
// A [Chain] says what it is called, from where it is jumped to, and which rules
// it holds. The packages that need rules plan their chains, which needs no
// privileges and is tested as data; [Tables] writes them through the programs of iptables,
// for IPv4 and IPv6, and can tell later whether they still stand as they were
// written, in which case nobody else has touched what is ours.
//
// Our chains are known by their names, and our rules in the kernel's own chains by
// the comment [Marker]. Nothing else is ever changed.
package chains
