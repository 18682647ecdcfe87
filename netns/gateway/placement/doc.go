// Package placement gives a gateway its place in a real home.
//
// [Config] says between which links of the machine the gateway shall stand.
// [Plan] makes of it a list of numbered steps, which can be shown without doing
// any. [Plan.Check] looks, without changing anything, whether they can be done;
// [Placed] is what is there once [Plan.Do] has done them, and Close undoes all.
//
// With [NIC] the device's link is moved into a network namespace without a name,
// which gets a link of its own in the home network, by macvlan on the machine's
// uplink.
//
//	device ---- inside | namespace | macvlan ---- uplink ---- home router
//	                       |
//	                     cable to the machine, for its own programs
//
// Outside of the namespace only two things change: the inside link is not there
// for a while, and the cable is. Package guard brings the link back, whatever
// becomes of the program; the rest goes with the namespace.
//
// With [OneArm] the device stays in the home network, on one wire with the
// router, and nothing is moved: the namespace has two macvlan links on the
// uplink. On one of them it is the router of a network that only the device has
// an address in.
//
// With [AP] the device joins a Wi-Fi that we open: the radio of the inside link is
// moved, and hostapd runs in the namespace. The rest is as with [NIC].
package placement
