// Package labtest helps to test against labs. [Open] makes a lab's gateway
// forward, with nothing but routes and a relay for DNS; the evaluator computes
// from a world's text what the experiment must find out. [Random], [Make] and
// [OverIPv6] make worlds that the library does not have. Only specs use it.
package labtest
