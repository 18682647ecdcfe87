// Package lab simulates a device with its internet, its home network and the
// controllers that use it, so that the experiment can be run, and proved right,
// without hardware.
//
// A [World] states the truth: which destinations the device contacts, and what
// each of its functions needs, as Boolean expressions. [Find] takes one from the
// library or a file, [Random] draws one from a seed, and an [*Error] says what
// is wrong with a file, where, and what to do. A World is what is asked; a [Lab]
// is the running thing.
//
// [Start] builds a lab from a world:
//
//	device ---- gateway ----+---- internet (every destination, DNS, the cloud)
//	192.168.50.10           |
//	                        +---- app host, Home Assistant stand-in, phone
//	                              192.168.1.0/24
//
// Each of these is a network namespace without a name, and none has a way out:
// no packet of a lab reaches a real network. The gateway's namespace has its
// links and addresses, and nothing that forwards: that is for package
// netns/gateway, or any other user of the lab.
//
// The device is honest. It opens real sockets, asks for names, verifies
// certificates, and a function works only while its expression holds over what
// the device really reached a moment ago. What a Lab tells is what anybody could
// find out about a real device; the expressions are not among it.
package lab
