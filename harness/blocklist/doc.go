// Package blocklist reads blocklists of names: which names a list blocks, and which
// it leaves alone.
//
// [Read] reads a file, [Parse] any text. The forms may be mixed in one list, since each
// line shows by itself which it is: a hosts file, plain domains, AdBlock, dnsmasq,
// RPZ, and Unbound, each in one file of this package. [List.Blocks] answers for a name,
// and [List.Listed] for a contact of a device.
//
// A line that would block names in a way that is not understood is an error with its
// line and column: a list that is only half understood would lead to wrong results.
// What never blocks a name, for example a rule for web pages, is left out and counted.
package blocklist
