// Package names knows which name an address belongs to.
//
// A [Forwarder] is the resolver that the device asks, whomever it meant to ask.
// It passes questions on and answers back, and says what it learnt before the
// answer leaves: whoever blocks by name has the new address in the block before
// the device can use it. It may also withhold a name. A [Table] keeps what was
// learnt. [Resolved] reads one answer.
package names
