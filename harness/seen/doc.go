// Package seen gets a device's destinations from data that exists already: packet
// captures, firewall logs, the query logs of resolvers.
//
// [Formats] lists what can be read: one file of this package for each format, each
// with what it cannot show. A format's reader tells a [Table] what it finds, record by
// record: who sent a packet where, who queried which name, which addresses were
// answered. The table makes destinations of it, with a limit on everything that grows
// with the data. [Import] reads several files into one table, for example a firewall
// log, which has addresses and ports, and a resolver's log, which has the names.
//
// The result is a [List]: what one device contacted. It is written as JSON, and read
// again by commands that begin with known destinations.
package seen
