// Package guest runs specs on another kernel, which is an ordinary process of
// this machine: for what its own kernel may not have.
//
// A [Guest] says how that kernel is started. Its first process is the script
// init, its files are this machine's own, not to be written to, and [Guest.Run]
// lets it run a test binary. [UML] is Debian's Linux as a program, user-mode-linux:
// it has VLANs, and iptables of the legacy backend. [QEMU] is Debian's own kernel,
// with radios that it plays.
//
// The specs that need a guest are labelled so, and lie beside what they test.
package guest
