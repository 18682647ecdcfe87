// Package guard gives back what a gateway borrows from its machine, whatever
// becomes of the program.
//
// [Note] describes a link before it is borrowed: its addresses, routes and
// parameters. The [Journal] holds that in a file, written before anything is
// touched. [Journal.HandBack] puts all as it was; it may be called again and
// again, by anybody, and does only what is still to be done.
//
// Three may call it. The program does when it ends. A [Guardian], a process
// that only waits for the program's death, does when it was killed. The restore
// command does when both were. A [Lock], which the kernel drops with the last
// of the two processes, keeps a second program from the device meanwhile.
package guard
