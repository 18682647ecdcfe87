// Package standin has the servers that a gateway offers instead of destinations that
// it blocks: a time server, pages for connectivity checks, replies to pings, a TLS
// server that no device can know, connections on which nothing is said, and echoes of
// keep-alives. The gateway delivers to them what the device sends to those
// destinations, and each answers from the address that was meant. They also answer at
// the gateway's own address, for a device that was told to go there. They count what
// they answered: a destination can be replaced only if its stand-in was used.
//
// Each kind is one file, and one line of the table in standin.go. DNS has no server
// here: the gateway's own forwarder answers, and reports it with [Servers.Resolved].
package standin
