// Package names knows which name an address belongs to.
//
// A [Forwarder] is the resolver that the device asks. It passes questions on and
// answers back, and says what it learnt before the answer leaves: whoever
// blocks by name has the new address in the block before the device can use it.
// A [Table] keeps what was learnt. [Resolved] reads one answer.
package names
