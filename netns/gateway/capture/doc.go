// Package capture keeps what a device sends and gets, as a file that Wireshark
// opens.
//
// A [File] is one pcapng file. A [Tap] fills it from one gateway's link to its
// device, where everything stands as the device sent it: what the block stopped,
// and the refusal. [Tap.Say] puts a comment on every packet from that moment on,
// as the number of the trial.
//
// No secret gets into the file. A miIO token never crosses the wire but in one
// answer, which an unprovisioned device gives to a hello: it is blanked there,
// as all other secrets are that the tap is told of. That the packet was changed
// stands in its comment, and shows in its checksum.
package capture
