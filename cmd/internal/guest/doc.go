// Package guest runs specs on another kernel, which is an ordinary process of
// this machine: for what its own kernel may not have. It is built with the tag e2e.
//
// A Guest says how that kernel is started. Its first process is the script init.
// Its files are this machine's own, and it cannot write to them. Guest.Run lets it
// run a test binary. UML is Debian's Linux as a program, user-mode-linux: it has
// VLANs, and iptables of the legacy backend. QEMU is Debian's own kernel, with
// simulated radios.
//
// The specs that need a guest are labelled so, and are next to what they test.
package guest
