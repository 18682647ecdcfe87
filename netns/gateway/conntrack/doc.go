// Package conntrack lists, forgets and counts from zero the connections that the
// kernel of a network namespace tracks.
//
// The kernel keeps the connections of all namespaces in one hash table. Every dump of
// it goes through all buckets, however few connections there are: 9 ms for the 262,144
// buckets of a machine with 4 GB. A [Table] that follows the kernel's events knows
// which connections there are, and asks for each by its addresses instead, which takes
// 7 µs. It dumps the table if it may not know all of them.
package conntrack
