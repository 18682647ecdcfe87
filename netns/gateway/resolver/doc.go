// Package resolver is a DNS server that blocks by name, for one device among its
// clients. It implements [harness.Gateway] without a gateway: the device's packets
// do not cross this machine, only its DNS queries do.
//
// A destination is dns/NAME. The evidence is the device's queries. A query for a
// blocked name is an attempt only if the device can have no answer left:
//
//   - what it was answered before has expired ([Memory]);
//   - the kind of record that it queries was answered here before, with records. An
//     answer from another resolver, from before the device used this one, may have a
//     TTL of days;
//   - a device that queries for both IPv4 and IPv6 addresses has queried for both of
//     this name here.
//
// Other clients get the answers of the upstream resolver as they are.
package resolver
