// Package watch tells what a device does on the network, from the packets that
// the gateway's kernel logs.
//
// A [Log] reads the kernel's packet log (NFLOG): the first packets of each of
// the device's connections before any filter, and every packet that runs into
// the block. All come in one stream, in the order in which they passed.
// [Log.Fence] waits until everything that has passed so far was read.
//
// A [Ledger] turns packets into contacts, one window at a time. On a connection
// from before the window there is no first packet to log; a table of connection
// tracking that counts again makes the
// next one count as such.
package watch
