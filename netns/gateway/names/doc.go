// Package names serves DNS to the device, and reads the names in its traffic.
//
// A [Forwarder] is the resolver that the device asks, whomever it meant to ask.
// It passes questions on and answers back, and says what it learnt before the
// answer leaves: code that blocks by name has the new address in the block before
// the device can use it. It may also block a name. [Resolved] reads
// one answer, and [ServerName] the SNI of a TLS handshake. Package attribution
// keeps what was learnt.
package names
