// Package policy turns a matrix into rules to paste: for a firewall, a name
// server, or a program at home.
//
// [New] makes a [Policy] of a matrix: for the scenarios that matter to you, what
// is refused and what stays open. [BlockOptional] refuses the joint safe list,
// which the run tried as a whole. [AllowRequired] allows what is needed, with
// every member of each group of alternatives, and refuses all else.
//
// An [Format] writes a policy in the language of one program; each lives in one
// file and sees nothing but the Policy. No language can say all of it: a block
// list of names knows no ports, a rule of addresses does not follow a name. An
// [Export] lists what was lost, and says it in comments at its top too.
//
// Names come from a stranger's device. A Policy keeps only well-formed host
// names and addresses; every other text passes through one function that leaves
// nothing with a meaning to any of the programs. Names that stand for many
// others, as "com", are never blocked.
//
// The package needs no device and no privileges: a run file is enough.
package policy
